-- Every user ever seen in orders, engagement or users, with all features. Counts and sums are 0
-- where there is nothing; days, maxima, ratios and differences of days are NULL.
SELECT
    COALESCE(purchases.user_id, interactions.user_id, registrations.user_id) AS user_id,

    -- purchases, counting orders only
    COALESCE(purchases.orders_lifetime, 0) AS orders_lifetime,
    COALESCE(purchases.revenue_lifetime, 0) AS revenue_lifetime,
    purchases.first_order_day,
    purchases.last_order_day,
    purchases.largest_order_lifetime,
    COALESCE(purchases.orders_365d, 0) AS orders_365d,
    COALESCE(purchases.revenue_365d, 0) AS revenue_365d,
    COALESCE(purchases.orders_30d, 0) AS orders_30d,
    COALESCE(purchases.revenue_30d, 0) AS revenue_30d,
    COALESCE(purchases.orders_7d, 0) AS orders_7d,
    COALESCE(purchases.revenue_60d, 0) AS revenue_60d,
    COALESCE(purchases.revenue_prev_60d, 0) AS revenue_prev_60d,
    purchases.average_order_value_365d,
    COALESCE(purchases.discount_known_orders_365d, 0) AS discount_known_orders_365d,
    COALESCE(purchases.discounted_orders_365d, 0) AS discounted_orders_365d,
    purchases.discount_depth_365d,
    purchases.largest_order_1d,
    purchases.largest_order_before_today,
    purchases.recency_days,
    purchases.order_gap_days,
    purchases.last_order_channel,
    purchases.last_order_category,

    -- the user's own activity
    interactions.first_event_day,
    interactions.last_event_day,
    interactions.last_interaction_day,
    COALESCE(interactions.events_lifetime, 0) AS events_lifetime,
    COALESCE(interactions.interactions_lifetime, 0) AS interactions_lifetime,
    COALESCE(interactions.interactions_7d, 0) AS interactions_7d,
    COALESCE(interactions.interactions_30d, 0) AS interactions_30d,
    COALESCE(interactions.interactions_prev_30d, 0) AS interactions_prev_30d,
    COALESCE(interactions.opens_15d, 0) AS opens_15d,
    COALESCE(interactions.opens_30d, 0) AS opens_30d,
    COALESCE(interactions.opens_d0, 0) AS opens_d0,
    COALESCE(interactions.opens_d1, 0) AS opens_d1,
    COALESCE(interactions.opens_d2, 0) AS opens_d2,
    COALESCE(interactions.opens_d3, 0) AS opens_d3,
    COALESCE(interactions.posts_30d, 0) AS posts_30d,
    COALESCE(interactions.posts_prev_30d, 0) AS posts_prev_30d,
    COALESCE(interactions.campaign_joins_90d, 0) AS campaign_joins_90d,
    COALESCE(interactions.surveys_90d, 0) AS surveys_90d,
    COALESCE(interactions.posts_90d, 0) AS posts_90d,
    COALESCE(interactions.saves_30d, 0) AS saves_30d,
    interactions.last_save_day,
    COALESCE(interactions.complaints_d0, 0) AS complaints_d0,
    COALESCE(interactions.complaints_d1, 0) AS complaints_d1,
    COALESCE(interactions.complaints_30d, 0) AS complaints_30d,
    interactions.last_complaint_day,
    interactions.last_content_id,
    COALESCE(interactions.watch_seconds_30d, 0) AS watch_seconds_30d,
    COALESCE(interactions.reader_30d, 0) AS reader_30d,
    COALESCE(interactions.liker_30d, 0) AS liker_30d,
    COALESCE(interactions.commenter_30d, 0) AS commenter_30d,
    COALESCE(interactions.sharer_30d, 0) AS sharer_30d,
    COALESCE(interactions.functional_90d, 0) AS functional_90d,
    COALESCE(interactions.social_90d, 0) AS social_90d,
    COALESCE(interactions.emotional_90d, 0) AS emotional_90d,
    COALESCE(interactions.events_night_90d, 0) AS events_night_90d,
    COALESCE(interactions.events_morning_90d, 0) AS events_morning_90d,
    COALESCE(interactions.events_afternoon_90d, 0) AS events_afternoon_90d,
    COALESCE(interactions.events_evening_90d, 0) AS events_evening_90d,
    interactions.preferred_day_part,
    $snapshot_date - GREATEST(purchases.last_order_day, interactions.last_event_day) AS inactivity_days, -- days since the user's last order or own event, passive ones included; GREATEST passes over NULL

    -- touches: what the brand did to the user
    interactions.last_touch_day,
    COALESCE(interactions.touches_7d, 0) AS touches_7d,
    COALESCE(interactions.touches_30d, 0) AS touches_30d,
    COALESCE(interactions.campaign_exposures_90d, 0) AS campaign_exposures_90d,
    COALESCE(interactions.recalls_90d, 0) AS recalls_90d,
    COALESCE(interactions.unsubscribes_30d, 0) AS unsubscribes_30d,
    COALESCE(interactions.can_contact, TRUE) AS can_contact,

    -- registration
    CAST(registrations.registered_at_lifetime AT TIME ZONE $timezone AS DATE) AS registered_day, -- day on which the user registered, local time; NULL when not known
    $snapshot_date - CAST(registrations.registered_at_lifetime AT TIME ZONE $timezone AS DATE)
        AS days_since_registration,                     -- days since then; 0 on the day itself
    registrations.acquisition_cost_lifetime AS acquisition_cost                   -- what it cost to win the user, NULL when not known
FROM features.purchases AS purchases
FULL OUTER JOIN features.interactions AS interactions
    ON purchases.user_id = interactions.user_id
FULL OUTER JOIN windows('rollups.registrations', 'lifetime') AS registrations
    ON COALESCE(purchases.user_id, interactions.user_id) = registrations.user_id
