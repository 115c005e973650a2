-- One row per event, with what reference/event_types.csv says of its type.
SELECT
    events.day,                                       -- the business day: the partition the event lies in
    events.user_id,
    events.occurred_at,                               -- UTC
    events.event_type,
    COALESCE(types.is_touch, FALSE) AS is_touch,      -- what the brand did to the user; everything else the user did
    COALESCE(types.is_active, FALSE) AS is_active,    -- active events of the user are interactions
    types.style,                                      -- reader, liker, commenter or sharer
    types.need,                                       -- functional, social or emotional
    types.role,                                       -- open, post, save, survey, complaint, campaign_join, recall, unsubscribe, resubscribe
    date_part('hour', events.occurred_at AT TIME ZONE $timezone) AS local_hour,  -- 0 to 23, on the clock of the job's timezone
    events.duration_seconds,
    events.content_id,
    events.channel,
    events.campaign_id,
    CASE
        WHEN events.user_id IS NULL OR BTRIM(CAST(events.user_id AS VARCHAR), $white_space) IN ('', $guest_ids) THEN 'null_user_id'
        WHEN events.occurred_at IS NULL THEN 'null_time'
    END AS reject_reason,                             -- NULL for a good row; others are counted and left out
    CASE
        WHEN types.event_type IS NULL
            THEN 'unknown event types count as passive: ' || COALESCE(events.event_type, 'NULL')
    END AS warning                                    -- NULL, or a remark on a row that is kept: what it is, and behind ': ' the value
FROM sources.engagement AS events
LEFT JOIN reference.event_types AS types
    ON events.event_type = types.event_type
