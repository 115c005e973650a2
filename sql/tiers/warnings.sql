-- Early warnings: users whom somebody should look at today. They go by today's raw tiers. Nothing
-- known is no warning.
SELECT
    users.user_id,

    stage.lifecycle_stage IN ('new', 'active', 'loyal')
        AND users.opens_15d = 0
        AND (
            (users.posts_prev_30d > 0 AND users.posts_30d <= $silent_posts_share * users.posts_prev_30d)
            OR (users.posts_prev_30d = 0 AND users.opens_30d > 0)
        )
        AS silent_warning,                            -- falling silent: nothing opened for 15 days, and posts down by half or more, or, of users who do not post, something opened in the 15 days before

    users.opens_d0 < users.opens_d1
        AND users.opens_d1 < users.opens_d2
        AND users.opens_d2 < users.opens_d3
        AND users.opens_d3 >= $decline_opens
        AS decline_warning,                           -- opened less often on each of the last three days, from three times or more

    COALESCE(
        users.largest_order_1d > users.largest_order_before_today
            AND value.value_tier = (
                SELECT first_value(tier ORDER BY rank DESC NULLS LAST, tier)
                FROM reference.value_tiers
            ),
        FALSE
    ) AS peak_order,                                  -- the largest order ever of a user in the highest value_tier, made on the snapshot date; a first order is none

    COALESCE(
        rfm.rfm_total >= $high_value_rfm_total
            AND users.revenue_prev_60d > 0
            AND users.revenue_60d < $spend_share * users.revenue_prev_60d,
        FALSE
    ) AS spend_warning,                               -- of high value or high potential, and spent much less in the last 60 days than in the 60 before

    COALESCE(
        users.orders_lifetime >= $overdue_orders
            AND stage.lifecycle_stage <> 'churned'
            AND users.recency_days > $overdue_gaps * users.order_gap_days
            AND users.recency_days > $overdue_days,
        FALSE
    ) AS overdue_warning,                             -- a regular whose next order is overdue by their own rhythm

    users.touches_30d >= $fatigue_touches
        AND COALESCE(users.inactivity_days >= 30, TRUE)
        AS fatigue_warning,                           -- touched often in 30 days, and did nothing: no more messages

    COALESCE(
        users.acquisition_cost > 0
            AND users.revenue_lifetime < $low_ltv_to_cac * users.acquisition_cost
            AND users.orders_lifetime >= 1
            AND users.first_order_day <= $snapshot_date - $ltv_to_cac_days,
        FALSE
    ) AS low_ltv_to_cac                               -- has brought too little for what it cost to win them, 90 days or more after the first order
FROM features.users AS users
INNER JOIN tiers.lifecycle_stage AS stage
    ON users.user_id = stage.user_id
INNER JOIN tiers.value_tier AS value
    ON users.user_id = value.user_id
INNER JOIN tiers.rfm AS rfm
    ON users.user_id = rfm.user_id
