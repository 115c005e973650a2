-- How many users have each warning on the newest date, and for how many it is new or gone.
WITH columns_of_users AS (
    UNPIVOT (
        SELECT COUNT(*) FILTER (WHERE CAST(COLUMNS(*) AS VARCHAR) = 'true') FROM tier_current
    ) ON COLUMNS(*) INTO NAME tier VALUE users
),

changes AS (
    SELECT
        dimension,
        COUNT(*) FILTER (WHERE direction = 'raised') AS raised,
        COUNT(*) FILTER (WHERE direction = 'cleared') AS cleared
    FROM tier_migration_newest
    GROUP BY dimension
)

SELECT
    warnings.label_en AS label,
    columns_of_users.users,
    COALESCE(changes.raised, 0) AS raised,
    COALESCE(changes.cleared, 0) AS cleared,
    warnings.playbook
FROM dim_tier AS warnings
INNER JOIN columns_of_users ON warnings.tier = columns_of_users.tier
LEFT JOIN changes ON warnings.tier = changes.dimension
WHERE warnings.dimension = 'warning'
