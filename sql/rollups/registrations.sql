-- What the users source says of a user. It has one row per user; of several the larger values hold.
SELECT
    user_id,
    MAX(registered_at) AS registered_at,
    MAX(acquisition_cost) AS acquisition_cost
FROM staging.users
GROUP BY user_id
