-- One row per user and delivery. The source is optional; without it the table is empty. Of several
-- deliveries the newest that has a user holds, whole.
SELECT
    *,                                                -- day, user_id, registered_at, acquisition_cost, and the profile attributes that the job lists
    CASE
        WHEN user_id IS NULL OR BTRIM(CAST(user_id AS VARCHAR), $white_space) IN ('', $guest_ids) THEN 'null_user_id'
    END AS reject_reason,
    CASE
        WHEN BTRIM(CAST(user_id AS VARCHAR), $white_space) NOT IN ('', $guest_ids) AND COUNT(*) OVER (PARTITION BY day, user_id) > 1
            THEN 'several rows of one user in a day: the one with the newest registered_at holds'
    END AS warning
FROM sources.users
