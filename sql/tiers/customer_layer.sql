-- The purchase pyramid: how much of a customer a user has become.
SELECT
    user_id,
    CASE                                              -- the first match wins
        WHEN revenue_365d > $core_revenue_365d THEN 'core'
        WHEN orders_lifetime >= $mature_orders THEN 'mature'
        WHEN orders_lifetime >= 1 THEN 'growth'
        ELSE 'base'
    END AS customer_layer
FROM features.users
