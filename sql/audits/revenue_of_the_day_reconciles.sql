-- The day's revenue, as stored for the windows, is the sum over its counting orders and refunds
-- as they were delivered. Every day is reconciled on its own night.
WITH of_users AS (
    SELECT COALESCE(SUM(revenue_1d), 0) AS revenue
    FROM windows('rollups.purchases', '1d')
),

of_orders AS (
    SELECT COALESCE(SUM(amount), 0) AS revenue
    FROM staging.orders
    WHERE (is_counting OR is_refund)
        AND day = $snapshot_date
)

SELECT
    of_users.revenue AS revenue_of_users,
    of_orders.revenue AS revenue_of_orders
FROM of_users
CROSS JOIN of_orders
WHERE of_users.revenue <> of_orders.revenue
