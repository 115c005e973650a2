-- What it cost to win a user, as the users source says. Of several rows of one user the larger holds.
SELECT
    user_id,
    MAX(acquisition_cost) AS acquisition_cost         -- NULL when not known
FROM staging.users
GROUP BY user_id
