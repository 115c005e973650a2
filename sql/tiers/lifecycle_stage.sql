-- Where a user stands in their life as a customer.
SELECT
    user_id,
    CASE  -- the first match wins
        WHEN orders_lifetime = 0 THEN 'prospect'
        WHEN first_order_day > $snapshot_date - $new_user_days AND orders_lifetime < $loyal_orders THEN 'new'
        WHEN inactivity_days > $churned_days THEN 'churned'
        WHEN orders_lifetime >= $loyal_orders AND recency_days <= $loyal_recency_days THEN 'loyal'
        WHEN inactivity_days <= $active_days THEN 'active'
        ELSE 'silent'
    END AS lifecycle_stage
FROM features.users
