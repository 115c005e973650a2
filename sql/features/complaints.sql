-- What each user complained about lately, to tell what is usual.
SELECT
    user_id,
    complaints_29d - complaints_d0 AS complaints_prev_28d  -- in the 28 days before the snapshot date
FROM windows('rollups.interactions', '29d', 'd0')
