-- What every user bought and did, from the tables of user-days: one scan of each.
CREATE TEMP VIEW purchases AS
SELECT
    user_id,
    SUM(orders) AS orders_lifetime,
    SUM(revenue) AS revenue_lifetime,
    MIN(dt) FILTER (orders > 0) AS first_order_day,
    MAX(dt) FILTER (orders > 0) AS last_order_day,
    MAX(largest_order) AS largest_order_lifetime,
    SUM(orders) FILTER (dt > $snapshot_date - 365) AS orders_365d,
    SUM(revenue) FILTER (dt > $snapshot_date - 365) AS revenue_365d,
    SUM(orders) FILTER (dt > $snapshot_date - 30) AS orders_30d,
    SUM(revenue) FILTER (dt > $snapshot_date - 30) AS revenue_30d,
    SUM(discount_known_orders) FILTER (dt > $snapshot_date - 365) AS discount_known_orders_365d,
    SUM(discounted_orders) FILTER (dt > $snapshot_date - 365) AS discounted_orders_365d,
    MAX(largest_order) FILTER (dt = $snapshot_date) AS largest_order_1d,
    MAX(largest_order) FILTER (dt < $snapshot_date) AS largest_order_before_today
FROM read_parquet('$user_days/orders/dt=*/*.parquet', hive_types = {'dt': DATE})
GROUP BY user_id;

CREATE TEMP VIEW interactions AS
SELECT
    user_id,
    MIN(dt) AS first_event_day,
    MAX(dt) AS last_event_day,
    SUM(events) AS events_lifetime,
    SUM(interactions) FILTER (dt > $snapshot_date - 7) AS interactions_7d,
    SUM(interactions) FILTER (dt > $snapshot_date - 30) AS interactions_30d,
    SUM(interactions) FILTER (dt > $snapshot_date - 60 AND dt <= $snapshot_date - 30) AS interactions_prev_30d,
    SUM(opens) FILTER (dt > $snapshot_date - 15) AS opens_15d,
    SUM(opens) FILTER (dt = $snapshot_date) AS opens_d0,
    SUM(opens) FILTER (dt = $snapshot_date - 1) AS opens_d1,
    SUM(opens) FILTER (dt = $snapshot_date - 2) AS opens_d2,
    SUM(opens) FILTER (dt = $snapshot_date - 3) AS opens_d3,
    SUM(posts) FILTER (dt > $snapshot_date - 30) AS posts_30d,
    SUM(posts) FILTER (dt > $snapshot_date - 60 AND dt <= $snapshot_date - 30) AS posts_prev_30d,
    SUM(campaign_exposures) FILTER (dt > $snapshot_date - 90) AS campaign_exposures_90d,
    SUM(campaign_joins) FILTER (dt > $snapshot_date - 90) AS campaign_joins_90d,
    SUM(surveys) FILTER (dt > $snapshot_date - 90) AS surveys_90d,
    SUM(posts) FILTER (dt > $snapshot_date - 90) AS posts_90d,
    SUM(complaints) FILTER (dt = $snapshot_date) AS complaints_d0,
    SUM(complaints) FILTER (dt = $snapshot_date - 1) AS complaints_d1,
    SUM(reader) FILTER (dt > $snapshot_date - 30) AS reader_30d,
    SUM(liker) FILTER (dt > $snapshot_date - 30) AS liker_30d,
    SUM(commenter) FILTER (dt > $snapshot_date - 30) AS commenter_30d,
    SUM(sharer) FILTER (dt > $snapshot_date - 30) AS sharer_30d,
    SUM(functional) FILTER (dt > $snapshot_date - 90) AS functional_90d,
    SUM(social) FILTER (dt > $snapshot_date - 90) AS social_90d,
    SUM(emotional) FILTER (dt > $snapshot_date - 90) AS emotional_90d
FROM read_parquet('$user_days/engagement/dt=*/*.parquet', hive_types = {'dt': DATE})
GROUP BY user_id;
