-- What is to be done today, and for how many users: who they are stays in the tables.
SELECT
    priority,
    UPPER(action[1]) || REPLACE(action[2:], '_', ' ') AS action,
    CASE channel
        WHEN 'none' THEN 'No contact'
        WHEN 'sms' THEN 'SMS'
        WHEN 'wecom' THEN 'WeCom'
        ELSE UPPER(channel[1]) || REPLACE(channel[2:], '_', ' ')
    END AS channel,
    channel <> 'none' AS is_contact,
    playbook,
    COUNT(*) AS users,
    CAST(SUM(value_at_stake) AS DOUBLE) AS value_at_stake,
    MAX(cut_users) AS cut_users,
    MAX(channel_cut_users) AS channel_cut_users,
    strftime(MIN(expires_on), '%Y-%m-%d') AS expires_on
FROM actions_newest
GROUP BY ALL

UNION ALL

-- There even when nobody has an action: Evidence cannot read a source without rows.
SELECT 0, '', '', false, '', 0, 0, 0, 0, ''
