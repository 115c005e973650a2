-- Early warnings: users whom somebody should look at today. They go by today's raw tiers. Nothing
-- known is no warning.
SELECT
    users.user_id,

    stage.lifecycle_stage IN ('new', 'active', 'loyal')
        AND users.opens_15d = 0
        AND users.posts_prev_30d > 0
        AND users.posts_30d <= $silent_posts_share * users.posts_prev_30d
        AS silent_warning,                            -- falling silent: posts down by half or more, and nothing opened for 15 days

    users.opens_d0 < users.opens_d1
        AND users.opens_d1 < users.opens_d2
        AND users.opens_d2 < users.opens_d3
        AS decline_warning,                           -- opened less often on each of the last three days

    COALESCE(
        users.largest_order_1d > users.largest_order_before_today
            AND value.value_tier = (
                SELECT first_value(tier ORDER BY rank DESC NULLS LAST, tier)
                FROM reference.value_tiers
            ),
        FALSE
    ) AS peak_order,                                  -- the largest order ever of a user in the highest value_tier, made on the snapshot date; a first order is none

    COALESCE(
        users.acquisition_cost > 0
            AND users.revenue_lifetime < $low_ltv_to_cac * users.acquisition_cost,
        FALSE
    ) AS low_ltv_to_cac                               -- has brought too little for what it cost to win them
FROM features.users AS users
INNER JOIN tiers.lifecycle_stage AS stage
    ON users.user_id = stage.user_id
INNER JOIN tiers.value_tier AS value
    ON users.user_id = value.user_id
