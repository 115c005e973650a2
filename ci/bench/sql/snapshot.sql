-- The snapshot, from the views purchases and interactions: all users ever seen, with their scores
-- and tiers, settled against the previous snapshot.
COPY (
    WITH registered AS (
        SELECT DISTINCT user_id
        FROM read_parquet('$data/users/dt=*/*.parquet', hive_types = {'dt': DATE})
        WHERE dt <= $snapshot_date
            AND user_id IS NOT NULL
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
            COLUMNS('^(first|last|largest)_'),
            COALESCE(COLUMNS('^revenue_'), 0)::DECIMAL(18, 2),
            COALESCE(COLUMNS(lambda name: NOT REGEXP_MATCHES(name, '^(user_id|first|last|largest|revenue)')), 0)::BIGINT,
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
            value_tier_of_total.tier AS value_tier_raw,
            value_tier_of_total.rank AS value_tier_raw_rank,
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
            END AS rfm_class,
            CASE
                WHEN orders_lifetime = 0 THEN 'prospect'
                WHEN first_order_day > $snapshot_date - $new_user_days AND orders_lifetime < $loyal_orders THEN 'new'
                WHEN inactivity_days > $churned_days THEN 'churned'
                WHEN orders_lifetime >= $loyal_orders AND recency_days <= $loyal_recency_days THEN 'loyal'
                WHEN inactivity_days <= $active_days THEN 'active'
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
            END AS value_engagement
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
            IF(today.rfm_class = previous.rfm_class, previous.rfm_class_since, $snapshot_date)
                AS rfm_class_since,
            IF(today.lifecycle_stage = previous.lifecycle_stage, previous.lifecycle_stage_since, $snapshot_date)
                AS lifecycle_stage_since,
            IF(today.interaction_depth = previous.interaction_depth, previous.interaction_depth_since, $snapshot_date)
                AS interaction_depth_since,
            IF(today.value_engagement = previous.value_engagement, previous.value_engagement_since, $snapshot_date)
                AS value_engagement_since
        FROM raw_tiers AS today
        LEFT JOIN previous USING (user_id)
    )

    SELECT
        * EXCLUDE (value_tier_raw_rank, value_tier_before, value_tier_since_before, lower_since, is_waiting),
        IF(is_waiting, value_tier_before, value_tier_raw) AS value_tier,
        IF(value_tier = value_tier_before, value_tier_since_before, $snapshot_date) AS value_tier_since,
        IF(is_waiting, lower_since, NULL) AS value_tier_pending_since,
        '$cutpoints_id' AS cutpoints_id
    FROM beside_previous
) TO '$target' (FORMAT parquet, COMPRESSION zstd);
