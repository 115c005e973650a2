-- Every user ever seen in orders, engagement or users, with all features. Counts and sums are 0
-- where there is nothing; days, maxima and differences of days are NULL.
SELECT
    COALESCE(purchases.user_id, interactions.user_id, registrations.user_id) AS user_id,
    COALESCE(orders_lifetime, 0) AS orders_lifetime,
    COALESCE(revenue_lifetime, 0) AS revenue_lifetime,
    first_order_day,
    last_order_day,
    largest_order_lifetime,
    COALESCE(orders_365d, 0) AS orders_365d,
    COALESCE(revenue_365d, 0) AS revenue_365d,
    COALESCE(orders_30d, 0) AS orders_30d,
    COALESCE(revenue_30d, 0) AS revenue_30d,
    COALESCE(discount_known_orders_365d, 0) AS discount_known_orders_365d,
    COALESCE(discounted_orders_365d, 0) AS discounted_orders_365d,
    largest_order_1d,
    largest_order_before_today,
    $snapshot_date - last_order_day AS recency_days,  -- days since the last order
    first_event_day,
    last_event_day,
    COALESCE(events_lifetime, 0) AS events_lifetime,
    COALESCE(interactions_7d, 0) AS interactions_7d,
    COALESCE(interactions_30d, 0) AS interactions_30d,
    COALESCE(interactions_prev_30d, 0) AS interactions_prev_30d,
    COALESCE(opens_15d, 0) AS opens_15d,
    COALESCE(opens_d0, 0) AS opens_d0,
    COALESCE(opens_d1, 0) AS opens_d1,
    COALESCE(opens_d2, 0) AS opens_d2,
    COALESCE(opens_d3, 0) AS opens_d3,
    COALESCE(posts_30d, 0) AS posts_30d,
    COALESCE(posts_prev_30d, 0) AS posts_prev_30d,
    COALESCE(campaign_exposures_90d, 0) AS campaign_exposures_90d,
    COALESCE(campaign_joins_90d, 0) AS campaign_joins_90d,
    COALESCE(surveys_90d, 0) AS surveys_90d,
    COALESCE(posts_90d, 0) AS posts_90d,
    COALESCE(complaints_d0, 0) AS complaints_d0,
    COALESCE(complaints_d1, 0) AS complaints_d1,
    COALESCE(reader_30d, 0) AS reader_30d,
    COALESCE(liker_30d, 0) AS liker_30d,
    COALESCE(commenter_30d, 0) AS commenter_30d,
    COALESCE(sharer_30d, 0) AS sharer_30d,
    COALESCE(functional_90d, 0) AS functional_90d,
    COALESCE(social_90d, 0) AS social_90d,
    COALESCE(emotional_90d, 0) AS emotional_90d,
    $snapshot_date - GREATEST(last_order_day, last_event_day) AS inactivity_days, -- days since the user was last seen at all
    registrations.acquisition_cost_lifetime AS acquisition_cost                   -- what it cost to win the user, NULL when not known
FROM features.purchases AS purchases
FULL OUTER JOIN features.interactions AS interactions
    ON purchases.user_id = interactions.user_id
FULL OUTER JOIN windows('rollups.registrations', 'lifetime') AS registrations
    ON COALESCE(purchases.user_id, interactions.user_id) = registrations.user_id
