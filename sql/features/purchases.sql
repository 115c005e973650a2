-- What each user bought, over the windows that tiers look at. Counting orders only; refunds lower
-- the revenue.
SELECT
    user_id,
    orders_lifetime,                                    -- counting orders ever
    COALESCE(revenue_lifetime, 0) AS revenue_lifetime,  -- what the user paid ever, less refunds
    first_order_day_lifetime AS first_order_day,        -- day of the first counting order
    last_order_day_lifetime AS last_order_day,          -- day of the last counting order
    largest_order_lifetime,                             -- the largest amount of one order ever
    orders_365d,                                        -- counting orders in the last 365 days
    COALESCE(revenue_365d, 0) AS revenue_365d,          -- what the user paid in the last 365 days, less refunds
    orders_30d,                                         -- counting orders in the last 30 days
    COALESCE(revenue_30d, 0) AS revenue_30d,            -- what the user paid in the last 30 days, less refunds
    orders_7d,                                          -- counting orders in the last 7 days
    COALESCE(revenue_60d, 0) AS revenue_60d,            -- what the user paid in the last 60 days, less refunds
    COALESCE(revenue_prev_60d, 0) AS revenue_prev_60d,  -- what the user paid in the 60 days before those, less refunds
    revenue_365d / NULLIF(orders_365d, 0) AS average_order_value_365d, -- revenue per counting order of the last 365 days; NULL without one
    discount_known_orders_365d,                         -- orders of the last 365 days whose discount is known
    discounted_orders_365d,                             -- orders of the last 365 days that were bought at a discount
    CAST(discounts_365d * 100 AS DOUBLE) / CAST(NULLIF(discounts_365d + discount_known_revenue_365d, 0) * 100 AS DOUBLE)
        AS discount_depth_365d,                         -- discounts as a share of the full price, of the orders of 365 days whose discount is known
    largest_order_1d,                                   -- the largest order on the snapshot date; NULL without one
    largest_order_before_today,                         -- the largest order on any day before it
    last_order_channel_lifetime AS last_order_channel,  -- where the newest counting order was made
    last_order_category_lifetime AS last_order_category, -- what it was of
    $snapshot_date - last_order_day_lifetime AS recency_days,  -- days since the last counting order; 0 on the day itself
    CASE
        WHEN orders_lifetime >= 2
            THEN CAST(last_order_day_lifetime - first_order_day_lifetime AS DOUBLE) / (orders_lifetime - 1)
    END AS order_gap_days                               -- mean days from order to order; NULL below two orders
FROM windows('rollups.purchases', '1d', '7d', '30d', '60d', 'prev_60d', '365d', 'lifetime', 'before_today')
