-- When a user registered and what it cost to win them, as the newest delivery of the users source
-- that has the user says.
SELECT
    user_id,
    LAST_VALUE(registered_at ORDER BY day, registered_at NULLS FIRST, acquisition_cost NULLS FIRST)
        AS registered_at,                             -- UTC; NULL when not known
    LAST_VALUE(acquisition_cost ORDER BY day, registered_at NULLS FIRST, acquisition_cost NULLS FIRST)
        AS acquisition_cost                           -- NULL when not known
FROM staging.users
GROUP BY user_id
