-- Whether a user buys mostly on discount: how deep the discounts are, of the orders of 365 days whose
-- discount is known.
SELECT
    user_id,
    CASE
        WHEN discount_known_orders_365d = 0 THEN 'unknown'
        WHEN
            discount_known_orders_365d >= $sensitive_orders
            AND discount_depth_365d >= $sensitive_discount_depth
            THEN 'sensitive'
        ELSE 'regular'
    END AS price_sensitivity
FROM features.users
