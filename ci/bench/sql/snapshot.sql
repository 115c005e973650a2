-- The snapshot, from the views purchases and interactions: all users ever seen, with their scores
-- and tiers, settled against the previous snapshot.
COPY (
    WITH registered AS (
        -- The newest delivery that has the user holds.
        SELECT
            user_id,
            LAST(registered_at ORDER BY dt, registered_at NULLS FIRST, acquisition_cost NULLS FIRST) AS registered_at,
            LAST(acquisition_cost ORDER BY dt, registered_at NULLS FIRST, acquisition_cost NULLS FIRST) AS acquisition_cost
        FROM read_parquet('$data/users/dt=*/*.parquet', hive_types = {'dt': DATE})
        WHERE dt <= $snapshot_date
            AND user_id IS NOT NULL
        GROUP BY user_id
    ),

    all_users AS (
        FROM purchases
        FULL JOIN interactions USING (user_id)
        FULL JOIN registered USING (user_id)
    ),

    features AS (
        SELECT
            user_id,
            -- Days and maxima are NULL where there is nothing, sums and counts 0.
            COLUMNS(lambda name: REGEXP_MATCHES(name, '^(first|last|largest)_') AND name NOT LIKE '%subscribed_at'),
            COALESCE(COLUMNS('^revenue_'), 0)::DECIMAL(18, 2),
            COALESCE(COLUMNS(lambda name: NOT REGEXP_MATCHES(name, '^(user_id|first|last|largest|revenue|registered|acquisition|discounts_|discount_known_revenue_)')), 0)::BIGINT,
            acquisition_cost,
            (registered_at AT TIME ZONE '$timezone')::DATE AS registered_day,
            $snapshot_date - registered_day AS days_since_registration,
            CASE GREATEST(events_night_90d, events_morning_90d, events_afternoon_90d, events_evening_90d)
                WHEN 0 THEN NULL
                WHEN events_evening_90d THEN 'evening'
                WHEN events_afternoon_90d THEN 'afternoon'
                WHEN events_morning_90d THEN 'morning'
                WHEN events_night_90d THEN 'night'
            END AS preferred_day_part,
            -- Exact to the cent, half away from zero: DuckDB divides DECIMAL as DOUBLE.
            CASE WHEN orders_365d > 0 THEN
                (SIGN(revenue_365d) * ((2 * ABS(revenue_365d * 100)::HUGEINT + orders_365d::HUGEINT) // (2 * orders_365d::HUGEINT)))::DECIMAL(18, 0) / 100
            END::DECIMAL(18, 2) AS average_order_value_365d,
            (discounts_365d * 100)::DOUBLE / NULLIF(((discounts_365d + discount_known_revenue_365d) * 100)::DOUBLE, 0)
                AS discount_depth_365d,
            CASE WHEN orders_lifetime >= 2
                THEN (last_order_day - first_order_day)::DOUBLE / (orders_lifetime - 1)::DOUBLE
            END AS order_gap_days,
            NOT COALESCE(last_unsubscribed_at > last_resubscribed_at, last_unsubscribed_at IS NOT NULL) AS can_contact,
            $snapshot_date - last_order_day AS recency_days,
            $snapshot_date - GREATEST(last_order_day, last_event_day) AS inactivity_days
        FROM all_users
    ),

    scores AS (
        SELECT
            *,
            CASE
                WHEN orders_lifetime = 0 THEN NULL
                WHEN recency_days <= $recency_days_cut_1 THEN 5
                WHEN recency_days <= $recency_days_cut_2 THEN 4
                WHEN recency_days <= $recency_days_cut_3 THEN 3
                WHEN recency_days <= $recency_days_cut_4 THEN 2
                ELSE 1
            END::BIGINT AS r_score,
            CASE
                WHEN orders_lifetime = 0 THEN NULL
                WHEN orders_365d <= $orders_365d_cut_1 THEN 1
                WHEN orders_365d <= $orders_365d_cut_2 THEN 2
                WHEN orders_365d <= $orders_365d_cut_3 THEN 3
                WHEN orders_365d <= $orders_365d_cut_4 THEN 4
                ELSE 5
            END::BIGINT AS f_score,
            CASE
                WHEN orders_lifetime = 0 THEN NULL
                WHEN revenue_365d <= $revenue_365d_cut_1 THEN 1
                WHEN revenue_365d <= $revenue_365d_cut_2 THEN 2
                WHEN revenue_365d <= $revenue_365d_cut_3 THEN 3
                WHEN revenue_365d <= $revenue_365d_cut_4 THEN 4
                ELSE 5
            END::BIGINT AS m_score,
            r_score + f_score + m_score AS rfm_total
        FROM features
    ),

    value_tiers AS (
        FROM read_csv('$reference/value_tiers.csv')
    ),

    -- One row per total, so that the join below is one of equals; 0 stands for users not scored.
    value_tier_of_total AS (
        SELECT
            UNNEST(RANGE(COALESCE(min_total, 0), COALESCE(max_total, 0) + 1)) AS total,
            tier,
            rank
        FROM value_tiers
    ),

    raw_tiers AS (
        SELECT
            scores.*,
            GREATEST($churned_days, LEAST($churned_days_most, COALESCE($churned_gaps * order_gap_days, 0)))
                AS churned_after_days,
            value_tier_of_total.tier AS value_tier_raw,
            value_tier_of_total.rank AS value_tier_raw_rank,
            revenue_lifetime AS ltv_historical,
            IF(acquisition_cost > 0, (revenue_lifetime * 100)::DOUBLE / (acquisition_cost * 100)::DOUBLE, NULL) AS ltv_to_cac,
            CASE
                WHEN rfm_total IS NULL THEN 'unscored'
                WHEN m_score > $high_score AND r_score > $high_score AND f_score > $high_score THEN 'important_value'
                WHEN m_score > $high_score AND r_score > $high_score THEN 'important_develop'
                WHEN m_score > $high_score AND f_score > $high_score THEN 'important_retain'
                WHEN m_score > $high_score THEN 'important_winback'
                WHEN r_score > $high_score AND f_score > $high_score THEN 'general_value'
                WHEN r_score > $high_score THEN 'general_develop'
                WHEN f_score > $high_score THEN 'general_retain'
                ELSE 'general_winback'
            END AS rfm_class_raw,
            CASE
                WHEN orders_lifetime = 0 THEN 'prospect'
                WHEN first_order_day > $snapshot_date - $new_user_days AND orders_lifetime < $loyal_orders THEN 'new'
                WHEN inactivity_days >= churned_after_days THEN 'churned'
                WHEN orders_lifetime >= $loyal_orders AND recency_days < GREATEST($loyal_recency_days, churned_after_days) THEN 'loyal'
                WHEN inactivity_days < $active_days THEN 'active'
                ELSE 'silent'
            END AS lifecycle_stage,
            CASE
                WHEN interactions_7d >= $deep_interactions_7d THEN 'deep'
                WHEN interactions_7d >= 1 THEN 'moderate'
                WHEN interactions_30d >= 1 THEN 'occasional'
                ELSE 'light'
            END AS interaction_depth,
            CASE
                WHEN rfm_total >= $high_value_rfm_total AND interactions_7d >= 1 THEN 'high_value_high_engagement'
                WHEN rfm_total >= $high_value_rfm_total THEN 'high_value_low_engagement'
                WHEN interactions_7d >= 1 THEN 'low_value_high_engagement'
                ELSE 'low_value_low_engagement'
            END AS value_engagement_raw,
            CASE
                WHEN revenue_365d > $core_revenue_365d THEN 'core'
                WHEN orders_lifetime >= $mature_orders THEN 'mature'
                WHEN orders_lifetime >= 1 THEN 'growth'
                ELSE 'base'
            END AS customer_layer,
            CASE GREATEST(sharer_30d, commenter_30d, liker_30d, reader_30d)
                WHEN 0 THEN 'none'
                WHEN sharer_30d THEN 'sharer'
                WHEN commenter_30d THEN 'commenter'
                WHEN liker_30d THEN 'liker'
                ELSE 'reader'
            END AS engagement_style,
            CASE
                WHEN campaign_joins_90d + surveys_90d + posts_90d >= $high_participations_90d THEN 'high'
                WHEN campaign_joins_90d + surveys_90d + posts_90d >= 1 THEN 'some'
                ELSE 'none'
            END AS participation_level,
            IF(
                campaign_exposures_90d > 0,
                LEAST(campaign_joins_90d, campaign_exposures_90d)::DOUBLE / campaign_exposures_90d::DOUBLE,
                NULL
            ) AS participation_rate_90d,
            CASE GREATEST(functional_90d, social_90d, emotional_90d)
                WHEN 0 THEN 'none'
                WHEN functional_90d THEN 'functional'
                WHEN social_90d THEN 'social'
                ELSE 'emotional'
            END AS need_type,
            CASE
                WHEN discount_known_orders_365d = 0 THEN 'unknown'
                WHEN discount_known_orders_365d >= $sensitive_orders
                    AND discount_depth_365d >= $sensitive_discount_depth
                    THEN 'sensitive'
                ELSE 'regular'
            END AS price_sensitivity,
            lifecycle_stage IN ('new', 'active', 'loyal')
                AND opens_15d = 0
                AND IF(posts_prev_30d > 0, posts_30d <= $silent_posts_share * posts_prev_30d, opens_30d > 0)
                AS silent_warning,
            opens_d0 < opens_d1 AND opens_d1 < opens_d2 AND opens_d2 < opens_d3 AND opens_d3 >= $decline_opens
                AS decline_warning,
            COALESCE(
                rfm_total >= $high_value_rfm_total
                    AND revenue_prev_60d > 0
                    AND revenue_60d < $spend_share * revenue_prev_60d,
                FALSE
            ) AS spend_warning,
            COALESCE(
                orders_lifetime >= $overdue_orders
                    AND lifecycle_stage <> 'churned'
                    AND recency_days > $overdue_gaps * order_gap_days
                    AND recency_days > $overdue_days,
                FALSE
            ) AS overdue_warning,
            touches_30d >= $fatigue_touches AND COALESCE(inactivity_days >= 30, TRUE) AS fatigue_warning,
            COALESCE(
                largest_order_1d > largest_order_before_today AND value_tier_raw = 'high_value',
                FALSE
            ) AS peak_order,
            COALESCE(
                acquisition_cost > 0
                    AND revenue_lifetime < $low_ltv_to_cac * acquisition_cost
                    AND orders_lifetime >= 1
                    AND first_order_day <= $snapshot_date - $ltv_to_cac_days,
                FALSE
            ) AS low_ltv_to_cac
        FROM scores
        INNER JOIN value_tier_of_total
            ON COALESCE(scores.rfm_total, 0) = value_tier_of_total.total
    ),

    previous AS (
        SELECT snapshot.*, value_tiers.rank AS value_tier_rank
        FROM read_parquet($previous_files, hive_partitioning = false) AS snapshot
        INNER JOIN value_tiers ON snapshot.value_tier = value_tiers.tier
    ),

    -- A value tier below the one shown before waits until it has held for the days of grace.
    beside_previous AS (
        SELECT
            today.*,
            previous.value_tier AS value_tier_before,
            previous.value_tier_since AS value_tier_since_before,
            CASE
                WHEN value_tier_raw_rank < previous.value_tier_rank
                    THEN COALESCE(previous.value_tier_pending_since, $snapshot_date)
            END AS lower_since,
            COALESCE($snapshot_date - lower_since < $value_tier_grace_days, FALSE) AS is_waiting,
            -- A class, or a quadrant, other than the one shown before waits until it has held for the
            -- days of hold; not so a first score.
            previous.rfm_class AS rfm_class_before,
            previous.rfm_class_since AS rfm_class_since_before,
            (previous.rfm_total IS NULL) = (today.rfm_total IS NULL) AS is_as_scored,
            CASE
                WHEN is_as_scored AND today.rfm_class_raw <> previous.rfm_class
                    THEN IF(today.rfm_class_raw = previous.rfm_class_pending, previous.rfm_class_pending_since, $snapshot_date)
            END AS other_class_since,
            COALESCE($snapshot_date - other_class_since < $hold_days, FALSE) AS class_is_waiting,
            previous.value_engagement AS value_engagement_before,
            previous.value_engagement_since AS value_engagement_since_before,
            CASE
                WHEN is_as_scored AND today.value_engagement_raw <> previous.value_engagement
                    THEN IF(today.value_engagement_raw = previous.value_engagement_pending, previous.value_engagement_pending_since, $snapshot_date)
            END AS other_quadrant_since,
            COALESCE($snapshot_date - other_quadrant_since < $hold_days, FALSE) AS quadrant_is_waiting,
            IF(today.lifecycle_stage = previous.lifecycle_stage, previous.lifecycle_stage_since, $snapshot_date)
                AS lifecycle_stage_since,
            IF(today.interaction_depth = previous.interaction_depth, previous.interaction_depth_since, $snapshot_date)
                AS interaction_depth_since,
            IF(today.customer_layer = previous.customer_layer, previous.customer_layer_since, $snapshot_date)
                AS customer_layer_since,
            IF(today.engagement_style = previous.engagement_style, previous.engagement_style_since, $snapshot_date)
                AS engagement_style_since,
            IF(today.participation_level = previous.participation_level, previous.participation_level_since, $snapshot_date)
                AS participation_level_since,
            IF(today.need_type = previous.need_type, previous.need_type_since, $snapshot_date)
                AS need_type_since,
            IF(today.price_sensitivity = previous.price_sensitivity, previous.price_sensitivity_since, $snapshot_date)
                AS price_sensitivity_since,
            IF(today.silent_warning, COALESCE(previous.silent_warning_since, $snapshot_date), NULL)
                AS silent_warning_since,
            IF(today.decline_warning, COALESCE(previous.decline_warning_since, $snapshot_date), NULL)
                AS decline_warning_since,
            IF(today.peak_order, COALESCE(previous.peak_order_since, $snapshot_date), NULL)
                AS peak_order_since,
            IF(today.spend_warning, COALESCE(previous.spend_warning_since, $snapshot_date), NULL)
                AS spend_warning_since,
            IF(today.overdue_warning, COALESCE(previous.overdue_warning_since, $snapshot_date), NULL)
                AS overdue_warning_since,
            IF(today.fatigue_warning, COALESCE(previous.fatigue_warning_since, $snapshot_date), NULL)
                AS fatigue_warning_since,
            IF(today.low_ltv_to_cac, COALESCE(previous.low_ltv_to_cac_since, $snapshot_date), NULL)
                AS low_ltv_to_cac_since,
            previous.falling_warning_since AS falling_since_before
        FROM raw_tiers AS today
        LEFT JOIN previous USING (user_id)
    )

    SELECT
        * EXCLUDE (
            churned_after_days, value_tier_raw_rank, value_tier_before, value_tier_since_before, lower_since, is_waiting,
            rfm_class_before, rfm_class_since_before, other_class_since, class_is_waiting, is_as_scored,
            value_engagement_before, value_engagement_since_before, other_quadrant_since, quadrant_is_waiting,
            falling_since_before
        ),
        IF(is_waiting, value_tier_before, value_tier_raw) AS value_tier,
        IF(value_tier = value_tier_before, value_tier_since_before, $snapshot_date) AS value_tier_since,
        IF(is_waiting, lower_since, NULL) AS value_tier_pending_since,
        is_waiting AS falling_warning,
        IF(is_waiting, COALESCE(falling_since_before, $snapshot_date), NULL) AS falling_warning_since,
        IF(class_is_waiting, rfm_class_before, rfm_class_raw) AS rfm_class,
        IF(rfm_class = rfm_class_before, rfm_class_since_before, $snapshot_date) AS rfm_class_since,
        IF(class_is_waiting, rfm_class_raw, NULL) AS rfm_class_pending,
        IF(class_is_waiting, other_class_since, NULL) AS rfm_class_pending_since,
        IF(quadrant_is_waiting, value_engagement_before, value_engagement_raw) AS value_engagement,
        IF(value_engagement = value_engagement_before, value_engagement_since_before, $snapshot_date) AS value_engagement_since,
        IF(quadrant_is_waiting, value_engagement_raw, NULL) AS value_engagement_pending,
        IF(quadrant_is_waiting, other_quadrant_since, NULL) AS value_engagement_pending_since,
        '$cutpoints_id' AS cutpoints_id
    FROM beside_previous
) TO '$target' (FORMAT parquet, COMPRESSION zstd);
