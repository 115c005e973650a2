-- Whoever bought or did something on the snapshot date is a user of the snapshot. A pack that leaves
-- users out on purpose, in features/users.sql, leaves them out here as well.
WITH seen AS (
    SELECT COALESCE(buyers.user_id, visitors.user_id) AS user_id
    FROM windows('rollups.purchases', '1d') AS buyers
    FULL OUTER JOIN windows('rollups.interactions', 'd0') AS visitors
        ON buyers.user_id = visitors.user_id
)

SELECT COUNT(*) AS users_missing
FROM seen
LEFT JOIN publish.tier_snapshot AS shown
    ON seen.user_id = shown.user_id
WHERE shown.user_id IS NULL
HAVING users_missing > 0
