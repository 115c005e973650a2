-- What a user bought in a period. Users whose orders all fail to count are kept, with nothing.
SELECT
    user_id,
    COUNT(*) FILTER (WHERE is_counting) AS orders,                          -- counting orders
    SUM(amount) FILTER (WHERE is_counting OR is_refund) AS revenue,         -- what was paid for them, less refunds
    MIN(day) FILTER (WHERE is_counting) AS first_order_day,                 -- of counting orders
    MAX(day) FILTER (WHERE is_counting) AS last_order_day,                  -- of counting orders
    MAX(amount) FILTER (WHERE is_counting) AS largest_order,                -- the largest amount of one
    COUNT(discount) FILTER (WHERE is_counting) AS discount_known_orders,    -- those whose discount is known
    COUNT(*) FILTER (WHERE is_counting AND discount > 0) AS discounted_orders, -- those bought at a discount
    SUM(discount) FILTER (WHERE is_counting) AS discounts,                  -- all discounts that are known
    SUM(amount) FILTER (WHERE is_counting AND discount IS NOT NULL) AS discount_known_revenue, -- what was paid for orders whose discount is known
    LAST_VALUE(channel ORDER BY ordered_at, order_id) FILTER (WHERE is_counting) AS last_order_channel, -- of the newest counting order
    LAST_VALUE(category ORDER BY ordered_at, order_id) FILTER (WHERE is_counting) AS last_order_category -- of the newest counting order
FROM staging.orders
GROUP BY user_id
