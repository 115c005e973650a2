-- What is wrong with reference/actions.csv and reference/channels.csv: a line that says too little or the
-- same as another, an action whose name this file does not have, a channel that only one of them has; and
-- that nobody is left alone.
SELECT
    action,
    channel,
    priority,
    problem
FROM (
    SELECT
        action,
        channel,
        priority,
        CASE
            WHEN is_known IS NULL THEN 'not among the names in audits/actions_known.sql; add it there, and its rule to publish/actions.sql'
            WHEN channel IS NULL OR priority IS NULL OR days_valid IS NULL OR rest_days IS NULL OR is_on IS NULL
                THEN 'channel, priority, is_on, days_valid and rest_days must have values'
            WHEN channel <> TRIM(channel) THEN 'channel begins or ends with a space, which makes it another channel'
            WHEN is_channel IS NULL THEN 'the channel is not in reference/channels.csv; correct it, or add it there'
            WHEN lines_of_priority > 1 THEN 'another line has the same priority'
            WHEN lines_of_channel > 1 THEN 'another line has the same action and channel'
            WHEN action = 'leave_alone' AND channel <> 'none' THEN 'leave_alone must have the channel none: no message is sent'
            WHEN action <> 'leave_alone' AND channel = 'none' THEN 'the channel none is for leave_alone; is_on = false turns an action off'
            WHEN action = 'resolve_complaint' AND capacity IS NOT NULL
                THEN 'resolve_complaint must have no capacity: whom it left out would be in no list, and so in mailings'
            WHEN action = 'resolve_complaint' AND channel_capacity IS NOT NULL
                THEN 'the channel of resolve_complaint must have no capacity in reference/channels.csv: whom it left out would be in no list, and so in mailings'
            WHEN capacity < 1 THEN 'capacity must be 1 or more, or empty for no limit; is_on = false turns the action off'
            WHEN capacity > 1000000000 THEN 'capacity must be 1000000000 or less, or empty for no limit'
            WHEN capacity IS NULL AND priority < last_priority
                THEN 'without a capacity it takes every user, and the next channel of the action nobody: give it one'
            WHEN action = 'leave_alone' AND NOT is_on THEN 'leave_alone must be on: it is the list of those whom mailings leave out'
            WHEN action = 'resolve_complaint' AND is_on AND priority > stop_priority
                THEN 'resolve_complaint must come before leave_alone, which has those whose answer is under way'
            WHEN days_valid < 1 THEN 'days_valid must be 1 or more'
            WHEN action = 'leave_alone' AND rest_days <> 0 THEN 'leave_alone must have 0 rest_days: it holds for as long as its reason does'
            WHEN rest_days < 0 OR rest_days > 28 THEN 'rest_days must be 0 to 28: older lists are not read'
        END AS problem
    FROM (
        SELECT
            actions.action,
            actions.channel,
            actions.priority,
            actions.capacity,
            actions.is_on,
            actions.days_valid,
            actions.rest_days,
            COUNT(*) OVER (PARTITION BY actions.priority) AS lines_of_priority,
            COUNT(*) OVER (PARTITION BY actions.action, actions.channel) AS lines_of_channel,
            MAX(actions.priority) OVER (PARTITION BY actions.action) AS last_priority,
            MIN(CASE WHEN actions.action = 'leave_alone' THEN actions.priority END) OVER () AS stop_priority,
            known.action AS is_known,
            channels.channel AS is_channel,
            channels.capacity AS channel_capacity
        FROM reference.actions AS actions
        LEFT JOIN reference.channels AS channels
            ON actions.channel = channels.channel
        LEFT JOIN (
            VALUES
                ('resolve_complaint'), ('leave_alone'), ('crisis_core'), ('crisis_ordinary'), ('crisis_prospects'),
                ('call_falling'), ('ask_spend'), ('remind_overdue'), ('thank_peak'), ('welcome'), ('second_order'),
                ('revive_silent'), ('recall'), ('first_order'), ('invite_meeting'), ('engage_quiet')
        ) AS known (action)
            ON actions.action = known.action
    )
)
WHERE problem IS NOT NULL

UNION ALL

SELECT
    'leave_alone' AS action,
    'none' AS channel,
    CAST(NULL AS BIGINT) AS priority,
    'leave_alone has no line: it is the list of those whom mailings leave out' AS problem
FROM reference.actions
HAVING COUNT(CASE WHEN action = 'leave_alone' THEN 1 END) = 0

UNION ALL

SELECT
    CAST(NULL AS VARCHAR) AS action,
    channels.channel,
    CAST(NULL AS BIGINT) AS priority,
    CASE
        WHEN channels.channel = 'none' THEN 'the channel none must have no capacity: mailings leave out everybody whom it has'
        ELSE 'no line of reference/actions.csv has the channel, so that its capacity limits nothing; correct it, or leave its capacity empty'
    END AS problem
FROM reference.channels AS channels
LEFT JOIN (SELECT DISTINCT channel FROM reference.actions) AS actions
    ON channels.channel = actions.channel
WHERE channels.capacity IS NOT NULL AND (channels.channel = 'none' OR actions.channel IS NULL)
