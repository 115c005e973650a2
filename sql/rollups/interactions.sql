-- What a user did in a period, passive events included.
SELECT
    user_id,
    MIN(day) AS first_event_day,
    MAX(day) AS last_event_day,
    COUNT(*) AS events,
    COUNT(*) FILTER (WHERE is_active) AS interactions,
    COUNT(*) FILTER (WHERE role = 'open') AS opens,
    COUNT(*) FILTER (WHERE role = 'post') AS posts,
    COUNT(*) FILTER (WHERE role = 'campaign_exposure') AS campaign_exposures,
    COUNT(*) FILTER (WHERE role = 'campaign_join') AS campaign_joins,
    COUNT(*) FILTER (WHERE role = 'survey') AS surveys,
    COUNT(*) FILTER (WHERE role = 'complaint') AS complaints,
    COUNT(*) FILTER (WHERE style = 'reader') AS reader,
    COUNT(*) FILTER (WHERE style = 'liker') AS liker,
    COUNT(*) FILTER (WHERE style = 'commenter') AS commenter,
    COUNT(*) FILTER (WHERE style = 'sharer') AS sharer,
    COUNT(*) FILTER (WHERE need = 'functional') AS functional,
    COUNT(*) FILTER (WHERE need = 'social') AS social,
    COUNT(*) FILTER (WHERE need = 'emotional') AS emotional
FROM staging.engagement
GROUP BY user_id
