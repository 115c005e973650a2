-- What is wrong with reference/actions.csv: a line that says too little or the same as another, or an
-- action whose name this file does not have.
SELECT
    action,
    channel,
    priority,
    CASE
        WHEN is_known IS NULL THEN 'not among the names in audits/actions_known.sql; add it there, and its rule to publish/actions.sql'
        WHEN channel IS NULL OR priority IS NULL OR days_valid IS NULL OR is_on IS NULL
            THEN 'channel, priority, is_on and days_valid must have values'
        WHEN lines_of_priority > 1 THEN 'another line has the same priority'
        WHEN capacity < 1 THEN 'capacity must be 1 or more, or empty for no limit; is_on = false turns the action off'
        WHEN days_valid < 1 THEN 'days_valid must be 1 or more'
    END AS problem
FROM (
    SELECT
        actions.*,
        COUNT(*) OVER (PARTITION BY priority) AS lines_of_priority,
        known.action AS is_known
    FROM reference.actions AS actions
    LEFT JOIN (
        VALUES
            ('resolve_complaint'), ('leave_alone'), ('crisis_core'), ('crisis_ordinary'), ('crisis_prospects'),
            ('call_falling'), ('ask_spend'), ('remind_overdue'), ('thank_peak'), ('welcome'), ('second_order'),
            ('revive_silent'), ('recall'), ('first_order'), ('invite_meeting'), ('engage_quiet')
    ) AS known (action)
        ON actions.action = known.action
)
WHERE
    is_known IS NULL
    OR channel IS NULL
    OR priority IS NULL
    OR days_valid IS NULL
    OR is_on IS NULL
    OR lines_of_priority > 1
    OR capacity < 1
    OR days_valid < 1
