-- What a user bought in a period. Users whose orders all fail to count are kept, with nothing.
SELECT
    user_id,
    COUNT(*) FILTER (WHERE is_counting) AS orders,
    SUM(amount) FILTER (WHERE is_counting) AS revenue,
    MIN(day) FILTER (WHERE is_counting) AS first_order_day,
    MAX(day) FILTER (WHERE is_counting) AS last_order_day,
    MAX(amount) FILTER (WHERE is_counting) AS largest_order,
    COUNT(discount) FILTER (WHERE is_counting) AS discount_known_orders,
    COUNT(*) FILTER (WHERE is_counting AND discount > 0) AS discounted_orders
FROM staging.orders
GROUP BY user_id
