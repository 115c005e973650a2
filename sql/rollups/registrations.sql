-- When a user registered, over all deliveries of the users source.
SELECT
    user_id,
    MIN(registered_at) AS first_registered_at,
    MAX(registered_at) AS last_registered_at
FROM staging.users
GROUP BY user_id
