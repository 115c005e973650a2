-- One number per metric and night. Tiers are the shown ones. A quotient of nothing is NULL. Money
-- is divided in hundredths, which are whole numbers, so that a value on a limit is on it. What is
-- added up over users or days is whole numbers, too: sums of DOUBLE depend on the order of rows.
-- High value in the names of metrics is the value_tier of the highest rank, whatever it is called.
WITH highest AS (
    SELECT first_value(tier ORDER BY rank DESC NULLS LAST, tier) AS tier
    FROM publish.dim_tier
    WHERE dimension = 'value_tier'
),

snapshot AS (
    SELECT
        *,
        value_tier = (SELECT tier FROM highest) AS is_high_value,
        value_tier <> value_tier_raw AS is_in_grace
    FROM publish.tier_snapshot
),

users AS (
    SELECT
        CAST(COUNT(*) AS DOUBLE) AS total,
        CAST(COUNT(*) FILTER (WHERE orders_lifetime >= 1) AS DOUBLE) AS buyers,
        COUNT(*) FILTER (WHERE orders_lifetime >= 2) AS repurchasers,
        COUNT(*) FILTER (WHERE days_since_registration BETWEEN 30 AND 59) AS registered,
        CAST(COUNT(*) FILTER (WHERE days_since_registration BETWEEN 30 AND 59 AND first_order_day - registered_day <= 30) AS DOUBLE)
            AS converted,
        CAST(COUNT(*) FILTER (WHERE orders_365d >= 1) AS DOUBLE) AS buyers_365d,
        CAST(COUNT(*) FILTER (WHERE orders_365d >= 2) AS DOUBLE) AS repurchasers_365d,
        -- in units of 1e-12 days
        SUM(CAST((last_order_day - first_order_day) * 1000000000000 / NULLIF(orders_lifetime - 1, 0) AS DECIMAL(38, 0)))
            FILTER (WHERE orders_lifetime >= 2) AS repurchase_intervals,
        CAST(SUM(revenue_30d) * 100 AS DOUBLE) AS revenue_30d_cents,
        SUM(orders_30d) AS orders_30d,
        CAST(SUM(revenue_365d) * 100 AS DOUBLE) AS revenue_365d_cents,
        COUNT(*) FILTER (WHERE is_high_value) AS high_value,
        CAST(COALESCE(SUM(revenue_365d) FILTER (WHERE is_high_value), 0) * 100 AS DOUBLE)
            AS high_value_revenue_365d_cents,
        CAST(COUNT(*) FILTER (WHERE is_high_value AND is_in_grace) AS DOUBLE) AS falling_high_value,
        CAST(COALESCE(SUM(revenue_365d) FILTER (WHERE is_high_value AND is_in_grace), 0) * 100 AS DOUBLE)
            AS falling_high_value_revenue_365d_cents,
        COUNT(*) FILTER (WHERE is_in_grace) AS shown_not_raw,
        CAST(COUNT(*) FILTER (WHERE fatigue_warning) AS DOUBLE) AS fatigued,
        CAST(SUM(touches_30d) AS DOUBLE) AS touches_30d,
        CAST(SUM(unsubscribes_30d) AS DOUBLE) AS unsubscribes_30d,
        CAST(SUM(complaints_d0) AS DOUBLE) AS complaints_d0,
        CAST(SUM(complaints_d1) AS DOUBLE) AS complaints_d1,
        CAST(SUM(ltv_historical) FILTER (WHERE acquisition_cost > 0) * 100 AS DOUBLE) AS paid_ltv_cents,
        CAST(SUM(acquisition_cost) FILTER (WHERE acquisition_cost > 0) * 100 AS DOUBLE) AS paid_cost_cents
    FROM snapshot
),

-- what was delivered of the snapshot date, rows that staging leaves out aside
orders_of_day AS (
    SELECT
        CAST(COUNT(*) AS DOUBLE) AS orders,
        CAST(COUNT(*) FILTER (WHERE is_counting) AS DOUBLE) AS counting_orders,
        CAST(COALESCE(SUM(amount) FILTER (WHERE is_counting OR is_refund), 0) * 100 AS DOUBLE) / 100 AS revenue
    FROM staging.orders
    WHERE day = $snapshot_date
),

events_of_day AS (
    SELECT CAST(COUNT(*) AS DOUBLE) AS events
    FROM staging.engagement
    WHERE day = $snapshot_date
),

-- complaints of the 28 days before the snapshot date
complaints AS (
    SELECT CAST(COALESCE(SUM(complaints_prev_28d), 0) AS DOUBLE) / 28 AS usual
    FROM features.complaints
),

-- the fifth of the buyers with most revenue in 365 days, and whoever has as much as the last of them
revenues AS (
    SELECT
        revenue_365d,
        COUNT(*) AS buyers,
        SUM(revenue_365d) AS revenue
    FROM snapshot
    WHERE orders_lifetime >= 1
    GROUP BY revenue_365d
),

ranked_revenues AS (
    SELECT
        revenue,
        SUM(buyers) OVER (ORDER BY revenue_365d DESC) - buyers AS buyers_above,
        SUM(buyers) OVER () AS buyers
    FROM revenues
),

top_fifth AS (
    SELECT
        CAST(SUM(revenue) FILTER (WHERE buyers_above * 5 < buyers) * 100 AS DOUBLE) AS revenue_365d_cents
    FROM ranked_revenues
),

-- the average order value of each of the last 30 days that has orders, in units of 1e-6; the one
-- thing that a night reads of older files, two columns of the orders of 29 days
order_days AS (
    SELECT
        day,
        CAST(round(CAST(SUM(amount) * 100 AS DOUBLE) * 10000 / COUNT(*)) AS DECIMAL(38, 0)) AS average_order_value
    FROM staging.orders
    WHERE is_counting AND day > $snapshot_date - 30
    GROUP BY day
),

-- and how far it is from the whole number next to their mean: deviations that are small enough to
-- be squared
order_day_deviations AS (
    SELECT
        average_order_value,
        average_order_value - CAST(
            round(CAST(SUM(average_order_value) OVER () AS DOUBLE) / COUNT(*) OVER ()) AS DECIMAL(38, 0)
        ) AS deviation
    FROM order_days
),

volatility AS (
    SELECT
        sqrt(
            GREATEST(
                CAST(SUM(deviation * deviation) AS DOUBLE) / COUNT(*)
                - power(CAST(SUM(deviation) AS DOUBLE) / COUNT(*), 2),
                0
            )
        ) / NULLIF(CAST(SUM(average_order_value) AS DOUBLE) / COUNT(*), 0) AS aov_30d
    FROM order_day_deviations
),

-- how far today's shares of the scores are from those at the calibration, of the users whom a
-- calibration counts
drift AS (
    SELECT
        GREATEST(
            ABS(COUNT(*) FILTER (WHERE r_score = 5) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0) - $recency_days_users_1 / CAST(NULLIF($calibrated_users, 0) AS DOUBLE)),
            ABS(COUNT(*) FILTER (WHERE r_score = 4) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0) - $recency_days_users_2 / CAST(NULLIF($calibrated_users, 0) AS DOUBLE)),
            ABS(COUNT(*) FILTER (WHERE r_score = 3) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0) - $recency_days_users_3 / CAST(NULLIF($calibrated_users, 0) AS DOUBLE)),
            ABS(COUNT(*) FILTER (WHERE r_score = 2) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0) - $recency_days_users_4 / CAST(NULLIF($calibrated_users, 0) AS DOUBLE)),
            ABS(COUNT(*) FILTER (WHERE r_score = 1) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0) - $recency_days_users_5 / CAST(NULLIF($calibrated_users, 0) AS DOUBLE)),
            ABS(COUNT(*) FILTER (WHERE f_score = 1) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0) - $orders_365d_users_1 / CAST(NULLIF($calibrated_users, 0) AS DOUBLE)),
            ABS(COUNT(*) FILTER (WHERE f_score = 2) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0) - $orders_365d_users_2 / CAST(NULLIF($calibrated_users, 0) AS DOUBLE)),
            ABS(COUNT(*) FILTER (WHERE f_score = 3) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0) - $orders_365d_users_3 / CAST(NULLIF($calibrated_users, 0) AS DOUBLE)),
            ABS(COUNT(*) FILTER (WHERE f_score = 4) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0) - $orders_365d_users_4 / CAST(NULLIF($calibrated_users, 0) AS DOUBLE)),
            ABS(COUNT(*) FILTER (WHERE f_score = 5) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0) - $orders_365d_users_5 / CAST(NULLIF($calibrated_users, 0) AS DOUBLE)),
            ABS(COUNT(*) FILTER (WHERE m_score = 1) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0) - $revenue_365d_users_1 / CAST(NULLIF($calibrated_users, 0) AS DOUBLE)),
            ABS(COUNT(*) FILTER (WHERE m_score = 2) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0) - $revenue_365d_users_2 / CAST(NULLIF($calibrated_users, 0) AS DOUBLE)),
            ABS(COUNT(*) FILTER (WHERE m_score = 3) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0) - $revenue_365d_users_3 / CAST(NULLIF($calibrated_users, 0) AS DOUBLE)),
            ABS(COUNT(*) FILTER (WHERE m_score = 4) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0) - $revenue_365d_users_4 / CAST(NULLIF($calibrated_users, 0) AS DOUBLE)),
            ABS(COUNT(*) FILTER (WHERE m_score = 5) / NULLIF(CAST(COUNT(*) AS DOUBLE), 0) - $revenue_365d_users_5 / CAST(NULLIF($calibrated_users, 0) AS DOUBLE))
        ) AS largest
    FROM snapshot
    WHERE orders_365d >= 1
),

-- who was of high value a week ago, and is lower or gone; not known where other cut points or rules
-- made that snapshot, as then tiers differ for reasons that are not the users'
outflow AS (
    SELECT
        CAST(COUNT(*) FILTER (WHERE today.user_id IS NULL OR NOT today.is_high_value) AS DOUBLE) AS users,
        COUNT(*) AS high_value_users
    FROM week_ago.tier_snapshot AS week_ago
    LEFT JOIN snapshot AS today
        ON week_ago.user_id = today.user_id
    WHERE
        $week_ago_is_comparable
        AND week_ago.value_tier = (SELECT tier FROM highest)
),

-- who was silent or churned in the previous snapshot, and is back
reactivation AS (
    SELECT
        CAST(COALESCE(SUM(users) FILTER (WHERE to_tier IN ('new', 'active', 'loyal')), 0) AS DOUBLE)
        / NULLIF(SUM(users), 0) AS rate
    FROM publish.tier_migration_matrix
    WHERE period = 'night' AND dimension = 'lifecycle_stage' AND from_tier IN ('silent', 'churned')
),

kpis AS (
    SELECT
        unnest([
            -- orders of the snapshot date, the counting ones among them, and what was paid for these
            named_struct('metric', 'orders_d0', 'value', orders_of_day.orders),
            named_struct('metric', 'counting_orders_d0', 'value', orders_of_day.counting_orders),
            named_struct('metric', 'revenue_d0', 'value', orders_of_day.revenue),
            -- events of the snapshot date, passive ones too
            named_struct('metric', 'events_d0', 'value', events_of_day.events),
            named_struct('metric', 'users_total', 'value', users.total),
            named_struct('metric', 'buyers_total', 'value', users.buyers),
            -- buyers of all users
            named_struct('metric', 'first_order_conversion_rate', 'value', users.buyers / NULLIF(users.total, 0)),
            -- users registered 30 to 59 days ago who ordered first within 30 days, or before they registered, of all of these
            named_struct('metric', 'registration_conversion_30d', 'value', users.converted / NULLIF(users.registered, 0)),
            -- users with two or more orders in 365 days, of those with any
            named_struct('metric', 'repurchase_rate_365d', 'value', users.repurchasers_365d / NULLIF(users.buyers_365d, 0)),
            -- days from order to order, of users with two or more
            named_struct(
                'metric', 'repurchase_interval_days',
                'value', CAST(users.repurchase_intervals AS DOUBLE) / (NULLIF(users.repurchasers, 0) * 1e12)
            ),
            named_struct('metric', 'average_order_value_30d', 'value', users.revenue_30d_cents / NULLIF(100 * users.orders_30d, 0)),
            -- deviation of the daily average order value, of its mean
            named_struct('metric', 'aov_volatility_30d', 'value', volatility.aov_30d),
            named_struct('metric', 'high_value_user_share', 'value', users.high_value / NULLIF(users.total, 0)),
            -- of all buyers
            named_struct('metric', 'high_value_buyer_share', 'value', users.high_value / NULLIF(users.buyers, 0)),
            named_struct(
                'metric', 'high_value_revenue_share',
                'value', users.high_value_revenue_365d_cents / CASE WHEN users.revenue_365d_cents > 0 THEN users.revenue_365d_cents END
            ),
            -- of the revenue of 365 days, what the fifth of buyers with most of it brings in
            named_struct(
                'metric', 'top_fifth_revenue_share',
                'value', top_fifth.revenue_365d_cents / CASE WHEN users.revenue_365d_cents > 0 THEN users.revenue_365d_cents END
            ),
            -- high-value users whom only grace shows as such, and what they paid in 365 days
            named_struct('metric', 'falling_high_value_users', 'value', users.falling_high_value),
            named_struct(
                'metric', 'falling_high_value_revenue_365d',
                'value', users.falling_high_value_revenue_365d_cents / 100
            ),
            -- of the high-value users of a week ago, those who are lower or gone; NULL unless that day is
            -- published, by the cut points and rules of today
            named_struct(
                'metric', 'high_value_weekly_outflow_rate',
                'value', outflow.users / NULLIF(outflow.high_value_users, 0)
            ),
            -- and how many they are
            named_struct(
                'metric', 'high_value_weekly_outflow_users',
                'value', CASE WHEN outflow.high_value_users > 0 THEN outflow.users END
            ),
            named_struct('metric', 'reactivation_rate', 'value', reactivation.rate),
            -- users whom grace shows in a higher tier than today's: the price of grace
            named_struct('metric', 'shown_not_raw_share', 'value', users.shown_not_raw / NULLIF(users.total, 0)),
            -- the largest difference between the share of users with a score of R, F or M and that at the calibration
            named_struct('metric', 'score_drift', 'value', drift.largest),
            -- messages shown or sent in 30 days, per user; and users who are tired of them
            named_struct('metric', 'touches_30d_per_user', 'value', users.touches_30d / NULLIF(users.total, 0)),
            named_struct('metric', 'fatigued_user_share', 'value', users.fatigued / NULLIF(users.total, 0)),
            -- times that users unsubscribed in 30 days, per message shown or sent
            named_struct('metric', 'unsubscribe_rate_30d', 'value', users.unsubscribes_30d / NULLIF(users.touches_30d, 0)),
            named_struct('metric', 'complaints_d0', 'value', users.complaints_d0),
            -- per day, over the 28 days before
            named_struct('metric', 'complaints_usual', 'value', complaints.usual),
            -- complaints today against yesterday's
            named_struct(
                'metric', 'complaints_change_rate',
                'value', (users.complaints_d0 - users.complaints_d1) / NULLIF(users.complaints_d1, 0)
            ),
            -- lifetime value of all users with a known cost, against those costs
            named_struct('metric', 'ltv_to_cac', 'value', users.paid_ltv_cents / NULLIF(users.paid_cost_cents, 0))
        ]) AS kpi
    FROM users
    CROSS JOIN orders_of_day
    CROSS JOIN events_of_day
    CROSS JOIN complaints
    CROSS JOIN top_fifth
    CROSS JOIN volatility
    CROSS JOIN drift
    CROSS JOIN outflow
    CROSS JOIN reactivation
),

metrics AS (
    SELECT
        kpi['metric'] AS metric,
        kpi['value'] AS value
    FROM kpis
)

SELECT
    metrics.metric,                                   -- the name of the number
    metrics.value,                                    -- as of the snapshot date; NULL where there is nothing to measure
    previous.value AS previous_value                  -- as of the previous snapshot
FROM metrics
LEFT JOIN previous.kpi_daily AS previous
    ON metrics.metric = previous.metric
