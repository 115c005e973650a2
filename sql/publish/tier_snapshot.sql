-- The snapshot: one row per user, as BI sees it. tierline adds snapshot_date, cutpoints_id and
-- run_id, and settles each dimension against the previous snapshot: <dimension> becomes the shown
-- value, each with <dimension>_since, with grace or hold <dimension>_raw and
-- <dimension>_pending_since, and with hold <dimension>_pending.
SELECT
    users.user_id,

    -- purchases, counting orders only; refunds lower the revenue
    users.orders_lifetime,
    CAST(users.revenue_lifetime AS DECIMAL(18, 2)) AS revenue_lifetime,
    users.first_order_day,
    users.last_order_day,
    users.largest_order_lifetime,
    users.orders_365d,
    CAST(users.revenue_365d AS DECIMAL(18, 2)) AS revenue_365d,
    users.orders_30d,
    CAST(users.revenue_30d AS DECIMAL(18, 2)) AS revenue_30d,
    users.orders_7d,
    CAST(users.revenue_60d AS DECIMAL(18, 2)) AS revenue_60d,
    CAST(users.revenue_prev_60d AS DECIMAL(18, 2)) AS revenue_prev_60d,
    CAST(users.average_order_value_365d AS DECIMAL(18, 2)) AS average_order_value_365d,
    users.discount_known_orders_365d,
    users.discounted_orders_365d,
    users.discount_depth_365d,
    users.largest_order_1d,
    users.largest_order_before_today,
    users.recency_days,
    users.order_gap_days,
    users.last_order_channel,
    users.last_order_category,

    -- interaction
    users.first_event_day,
    users.last_event_day,
    users.last_interaction_day,
    users.events_lifetime,
    users.interactions_lifetime,
    users.interactions_7d,
    users.interactions_30d,
    users.interactions_prev_30d,
    users.opens_15d,
    users.opens_30d,
    users.opens_d0,
    users.opens_d1,
    users.opens_d2,
    users.opens_d3,
    users.posts_30d,
    users.posts_prev_30d,
    users.campaign_joins_90d,
    users.surveys_90d,
    users.posts_90d,
    users.saves_30d,
    users.last_save_day,
    users.complaints_d0,
    users.complaints_d1,
    users.complaints_30d,
    users.last_complaint_day,
    CAST(users.last_content_id AS VARCHAR) AS last_content_id, -- the content of the user's newest event about one, as a text: such ids turn from numbers into texts
    users.watch_seconds_30d,
    users.reader_30d,
    users.liker_30d,
    users.commenter_30d,
    users.sharer_30d,
    users.functional_90d,
    users.social_90d,
    users.emotional_90d,
    users.events_night_90d,
    users.events_morning_90d,
    users.events_afternoon_90d,
    users.events_evening_90d,
    users.preferred_day_part,
    users.inactivity_days,

    -- touches: what the brand did to the user, which is no interaction
    users.last_touch_day,
    users.touches_7d,
    users.touches_30d,
    users.campaign_exposures_90d,
    users.recalls_90d,
    users.unsubscribes_30d,
    users.can_contact,

    -- registration
    users.registered_day,
    users.days_since_registration,

    -- lifetime value
    lifetime_value.acquisition_cost,
    CAST(lifetime_value.ltv_historical AS DECIMAL(18, 2)) AS ltv_historical,
    lifetime_value.ltv_to_cac,

    -- scores, 1 to 5, and their sum; NULL for users without a counting order
    rfm.r_score,
    rfm.f_score,
    rfm.m_score,
    rfm.rfm_total,

    -- dimensions
    value_tier.value_tier,                            -- the band of the RFM total; a fall shows after the days of grace
    rfm_class.rfm_class,
    lifecycle_stage.lifecycle_stage,
    customer_layer.customer_layer,
    interaction_depth.interaction_depth,
    engagement_style.engagement_style,
    participation_level.participation_level,
    participation_level.participation_rate_90d,
    need_type.need_type,
    price_sensitivity.price_sensitivity,
    value_engagement.value_engagement,

    -- warnings, all of tiers/warnings.sql; tierline adds falling_warning, and <warning>_since
    -- to each
    warnings.* EXCLUDE (user_id),

    -- profile attributes, those that the job lists
    profile.* EXCLUDE (user_id)
FROM features.users AS users
INNER JOIN tiers.rfm AS rfm
    ON users.user_id = rfm.user_id
INNER JOIN tiers.value_tier AS value_tier
    ON users.user_id = value_tier.user_id
INNER JOIN tiers.rfm_class AS rfm_class
    ON users.user_id = rfm_class.user_id
INNER JOIN tiers.lifecycle_stage AS lifecycle_stage
    ON users.user_id = lifecycle_stage.user_id
INNER JOIN tiers.customer_layer AS customer_layer
    ON users.user_id = customer_layer.user_id
INNER JOIN tiers.interaction_depth AS interaction_depth
    ON users.user_id = interaction_depth.user_id
INNER JOIN tiers.engagement_style AS engagement_style
    ON users.user_id = engagement_style.user_id
INNER JOIN tiers.participation_level AS participation_level
    ON users.user_id = participation_level.user_id
INNER JOIN tiers.need_type AS need_type
    ON users.user_id = need_type.user_id
INNER JOIN tiers.price_sensitivity AS price_sensitivity
    ON users.user_id = price_sensitivity.user_id
INNER JOIN tiers.value_engagement AS value_engagement
    ON users.user_id = value_engagement.user_id
INNER JOIN tiers.warnings AS warnings
    ON users.user_id = warnings.user_id
INNER JOIN tiers.lifetime_value AS lifetime_value
    ON users.user_id = lifetime_value.user_id
LEFT JOIN features.profile AS profile
    ON users.user_id = profile.user_id
