-- The revenue of all users is the revenue of all their days: nothing was lost or counted twice
-- where windows, features and tiers were joined.
WITH of_users AS (
    SELECT COALESCE(SUM(revenue_lifetime), 0) AS revenue
    FROM publish.tier_snapshot
),

of_days AS (
    SELECT COALESCE(SUM(revenue_lifetime), 0) AS revenue
    FROM windows('rollups.purchases', 'lifetime')
)

SELECT
    of_users.revenue AS revenue_of_users,
    of_days.revenue AS revenue_of_days
FROM of_users
CROSS JOIN of_days
WHERE of_users.revenue <> of_days.revenue
