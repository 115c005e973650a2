-- One row per user. The source is optional; without it the table is empty.
SELECT
    *,                                                -- day, user_id, registered_at, acquisition_cost, and the profile attributes that the job lists
    CASE WHEN user_id IS NULL THEN 'null_user_id' END AS reject_reason
FROM sources.users
