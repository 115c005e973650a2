-- What each user bought, over the windows that tiers look at. Counting orders only.
SELECT
    user_id,
    orders_lifetime,                                    -- counting orders ever
    COALESCE(revenue_lifetime, 0) AS revenue_lifetime,  -- what the user paid ever, for counting orders
    first_order_day_lifetime AS first_order_day,        -- day of the first counting order
    last_order_day_lifetime AS last_order_day,          -- day of the last counting order
    largest_order_lifetime,                             -- the largest amount of one order ever
    orders_365d,                                        -- counting orders in the last 365 days
    COALESCE(revenue_365d, 0) AS revenue_365d,          -- what the user paid in the last 365 days
    orders_30d,                                         -- counting orders in the last 30 days
    COALESCE(revenue_30d, 0) AS revenue_30d,            -- what the user paid in the last 30 days
    discount_known_orders_365d,                         -- orders of the last 365 days whose discount is known
    discounted_orders_365d,                             -- orders of the last 365 days that were bought at a discount
    largest_order_1d,                                   -- the largest order on the snapshot date; NULL without one
    largest_order_before_today                          -- the largest order on any day before it
FROM windows('rollups.purchases', '1d', '30d', '365d', 'lifetime', 'before_today')
