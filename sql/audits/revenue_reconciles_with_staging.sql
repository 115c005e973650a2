-- The revenue of all users is the sum over the counting orders that are visible: nothing was lost
-- or counted twice on the way through windows and joins.
WITH of_users AS (
    SELECT COALESCE(SUM(revenue_lifetime), 0) AS revenue
    FROM publish.tier_snapshot
),

of_orders AS (
    SELECT COALESCE(SUM(amount), 0) AS revenue
    FROM staging.orders
    WHERE is_counting
)

SELECT
    of_users.revenue AS revenue_of_users,
    of_orders.revenue AS revenue_of_orders
FROM of_users
CROSS JOIN of_orders
WHERE of_users.revenue <> of_orders.revenue
