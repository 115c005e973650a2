-- One row per user and delivery. The source is optional; without it the table is empty.
SELECT
    day,                                              -- the business day: the partition the row lies in
    user_id,
    registered_at,                                    -- UTC
    acquisition_cost,                                 -- what it cost to win the user, NULL when not known
    CASE WHEN user_id IS NULL THEN 'null_user_id' END AS reject_reason
FROM sources.users
