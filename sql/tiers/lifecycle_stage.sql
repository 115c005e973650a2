-- Where a user stands in their life as a customer. A window of N days ends with the snapshot date.
-- Whoever buys every 40 days is not lost after 61: users are given up by their own rhythm.
WITH rhythms AS (
    SELECT
        *,
        GREATEST($churned_days, LEAST($churned_days_most, COALESCE($churned_gaps * order_gap_days, 0))) AS churned_after_days
    FROM features.users
)

SELECT
    user_id,
    CASE  -- the first match wins
        WHEN orders_lifetime = 0 THEN 'prospect'
        WHEN first_order_day > $snapshot_date - $new_user_days AND orders_lifetime < $loyal_orders THEN 'new'
        WHEN inactivity_days >= churned_after_days THEN 'churned'
        WHEN orders_lifetime >= $loyal_orders AND recency_days < GREATEST($loyal_recency_days, churned_after_days) THEN 'loyal'
        WHEN inactivity_days < $active_days THEN 'active'
        ELSE 'silent'
    END AS lifecycle_stage
FROM rhythms
