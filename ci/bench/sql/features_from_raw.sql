-- What every user bought and did, straight from the raw rows: one scan of each source.
CREATE TEMP VIEW purchases AS
SELECT
    user_id,
    COUNT(*) FILTER (is_counting) AS orders_lifetime,
    SUM(amount) FILTER (is_counting OR is_refund) AS revenue_lifetime,
    MIN(day) FILTER (is_counting) AS first_order_day,
    MAX(day) FILTER (is_counting) AS last_order_day,
    MAX(amount) FILTER (is_counting) AS largest_order_lifetime,
    COUNT(*) FILTER (is_counting AND day > $snapshot_date - 365) AS orders_365d,
    SUM(amount) FILTER ((is_counting OR is_refund) AND day > $snapshot_date - 365) AS revenue_365d,
    COUNT(*) FILTER (is_counting AND day > $snapshot_date - 30) AS orders_30d,
    SUM(amount) FILTER ((is_counting OR is_refund) AND day > $snapshot_date - 30) AS revenue_30d,
    COUNT(*) FILTER (is_counting AND day > $snapshot_date - 7) AS orders_7d,
    SUM(amount) FILTER ((is_counting OR is_refund) AND day > $snapshot_date - 60) AS revenue_60d,
    SUM(amount) FILTER ((is_counting OR is_refund) AND day > $snapshot_date - 120 AND day <= $snapshot_date - 60)
        AS revenue_prev_60d,
    SUM(discount) FILTER (is_counting AND day > $snapshot_date - 365) AS discounts_365d,
    SUM(amount) FILTER (is_counting AND discount IS NOT NULL AND day > $snapshot_date - 365)
        AS discount_known_revenue_365d,
    COUNT(discount) FILTER (is_counting AND day > $snapshot_date - 365) AS discount_known_orders_365d,
    COUNT(*) FILTER (is_counting AND day > $snapshot_date - 365 AND discount > 0) AS discounted_orders_365d,
    MAX(amount) FILTER (is_counting AND day = $snapshot_date) AS largest_order_1d,
    MAX(amount) FILTER (is_counting AND day < $snapshot_date) AS largest_order_before_today
FROM raw_orders
GROUP BY user_id;

CREATE TEMP VIEW interactions AS
SELECT
    user_id,
    MIN(day) FILTER (is_own) AS first_event_day,
    MAX(day) FILTER (is_own) AS last_event_day,
    MAX(day) FILTER (is_active) AS last_interaction_day,
    MAX(day) FILTER (is_save) AS last_save_day,
    MAX(day) FILTER (is_complaint) AS last_complaint_day,
    MAX(day) FILTER (is_touch) AS last_touch_day,
    MAX(occurred_at) FILTER (is_unsubscribe) AS last_unsubscribed_at,
    MAX(occurred_at) FILTER (is_resubscribe) AS last_resubscribed_at,
    COUNT(*) FILTER (is_own) AS events_lifetime,
    COUNT(*) FILTER (is_active) AS interactions_lifetime,
    COUNT(*) FILTER (is_touch AND day > $snapshot_date - 7) AS touches_7d,
    COUNT(*) FILTER (is_touch AND day > $snapshot_date - 30) AS touches_30d,
    COUNT(*) FILTER (is_recall AND day > $snapshot_date - 90) AS recalls_90d,
    COUNT(*) FILTER (is_unsubscribe AND day > $snapshot_date - 30) AS unsubscribes_30d,
    COUNT(*) FILTER (is_save AND day > $snapshot_date - 30) AS saves_30d,
    COUNT(*) FILTER (is_complaint AND day > $snapshot_date - 30) AS complaints_30d,
    COUNT(*) FILTER (is_open AND day > $snapshot_date - 30) AS opens_30d,
    SUM(duration_seconds) FILTER (is_own AND day > $snapshot_date - 30) AS watch_seconds_30d,
    COUNT(*) FILTER (is_active AND day > $snapshot_date - 7) AS interactions_7d,
    COUNT(*) FILTER (is_active AND day > $snapshot_date - 30) AS interactions_30d,
    COUNT(*) FILTER (is_active AND day > $snapshot_date - 60 AND day <= $snapshot_date - 30) AS interactions_prev_30d,
    COUNT(*) FILTER (is_open AND day > $snapshot_date - 15) AS opens_15d,
    COUNT(*) FILTER (is_open AND day = $snapshot_date) AS opens_d0,
    COUNT(*) FILTER (is_open AND day = $snapshot_date - 1) AS opens_d1,
    COUNT(*) FILTER (is_open AND day = $snapshot_date - 2) AS opens_d2,
    COUNT(*) FILTER (is_open AND day = $snapshot_date - 3) AS opens_d3,
    COUNT(*) FILTER (is_post AND day > $snapshot_date - 30) AS posts_30d,
    COUNT(*) FILTER (is_post AND day > $snapshot_date - 60 AND day <= $snapshot_date - 30) AS posts_prev_30d,
    COUNT(*) FILTER (is_campaign_exposure AND day > $snapshot_date - 90) AS campaign_exposures_90d,
    COUNT(*) FILTER (is_campaign_join AND day > $snapshot_date - 90) AS campaign_joins_90d,
    COUNT(*) FILTER (is_survey AND day > $snapshot_date - 90) AS surveys_90d,
    COUNT(*) FILTER (is_post AND day > $snapshot_date - 90) AS posts_90d,
    COUNT(*) FILTER (is_complaint AND day = $snapshot_date) AS complaints_d0,
    COUNT(*) FILTER (is_complaint AND day = $snapshot_date - 1) AS complaints_d1,
    COUNT(*) FILTER (is_reader AND day > $snapshot_date - 30) AS reader_30d,
    COUNT(*) FILTER (is_liker AND day > $snapshot_date - 30) AS liker_30d,
    COUNT(*) FILTER (is_commenter AND day > $snapshot_date - 30) AS commenter_30d,
    COUNT(*) FILTER (is_sharer AND day > $snapshot_date - 30) AS sharer_30d,
    COUNT(*) FILTER (is_functional AND day > $snapshot_date - 90) AS functional_90d,
    COUNT(*) FILTER (is_social AND day > $snapshot_date - 90) AS social_90d,
    COUNT(*) FILTER (is_emotional AND day > $snapshot_date - 90) AS emotional_90d
FROM raw_events
GROUP BY user_id;
