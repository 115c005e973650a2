-- What each user bought, over the windows that tiers look at. Counting orders only.
SELECT
    user_id,
    orders_lifetime,
    COALESCE(revenue_lifetime, 0) AS revenue_lifetime,
    first_order_day_lifetime AS first_order_day,
    last_order_day_lifetime AS last_order_day,
    largest_order_lifetime,
    orders_365d,
    COALESCE(revenue_365d, 0) AS revenue_365d,
    orders_30d,
    COALESCE(revenue_30d, 0) AS revenue_30d,
    discount_known_orders_365d,                       -- orders whose discount is known
    discounted_orders_365d,                           -- ... and was more than nothing
    largest_order_1d,                                 -- on the snapshot date itself
    largest_order_before_today
FROM windows('rollups.purchases', '1d', '30d', '365d', 'lifetime', 'before_today')
