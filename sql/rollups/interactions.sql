-- What a user did in a period, passive events included, and then how often the brand touched them.
SELECT
    user_id,
    MIN(day) FILTER (WHERE NOT is_touch) AS first_event_day,                -- of any kind
    MAX(day) FILTER (WHERE NOT is_touch) AS last_event_day,                 -- of any kind
    COUNT(*) FILTER (WHERE NOT is_touch) AS events,                         -- passive ones too
    MAX(day) FILTER (WHERE is_active) AS last_interaction_day,              -- of active events
    COUNT(*) FILTER (WHERE is_active) AS interactions,                      -- active ones
    COUNT(*) FILTER (WHERE role = 'open') AS opens,                         -- of the app or of a message
    COUNT(*) FILTER (WHERE role = 'post') AS posts,                         -- posts and comments; reviews are not among them
    COUNT(*) FILTER (WHERE role = 'campaign_join') AS campaign_joins,       -- campaigns joined and coupons redeemed
    COUNT(*) FILTER (WHERE role = 'survey') AS surveys,                     -- answered
    COUNT(*) FILTER (WHERE role = 'save') AS saves,                         -- things saved for later
    MAX(day) FILTER (WHERE role = 'save') AS last_save_day,
    COUNT(*) FILTER (WHERE role = 'complaint') AS complaints,               -- made
    MAX(day) FILTER (WHERE role = 'complaint') AS last_complaint_day,
    LAST_VALUE(content_id ORDER BY occurred_at, content_id) FILTER (WHERE NOT is_touch AND content_id IS NOT NULL)
        AS last_content_id,                                                 -- what the user last looked at or acted on
    SUM(duration_seconds) FILTER (WHERE NOT is_touch) AS watch_seconds,     -- seconds that events lasted
    COUNT(*) FILTER (WHERE style = 'reader') AS reader,                     -- views and brand stories
    COUNT(*) FILTER (WHERE style = 'liker') AS liker,                       -- likes
    COUNT(*) FILTER (WHERE style = 'commenter') AS commenter,               -- comments, posts and reviews
    COUNT(*) FILTER (WHERE style = 'sharer') AS sharer,                     -- shares
    COUNT(*) FILTER (WHERE need = 'functional') AS functional,              -- consulting, after-sales, complaints
    COUNT(*) FILTER (WHERE need = 'social') AS social,                      -- posts, comments, reviews, shares
    COUNT(*) FILTER (WHERE need = 'emotional') AS emotional,                -- brand stories
    COUNT(*) FILTER (WHERE NOT is_touch AND local_hour < 6) AS events_night, -- from midnight to six on the job's clock
    COUNT(*) FILTER (WHERE NOT is_touch AND local_hour BETWEEN 6 AND 11) AS events_morning,
    COUNT(*) FILTER (WHERE NOT is_touch AND local_hour BETWEEN 12 AND 17) AS events_afternoon,
    COUNT(*) FILTER (WHERE NOT is_touch AND local_hour >= 18) AS events_evening,
    COUNT(*) FILTER (WHERE role = 'unsubscribe') AS unsubscribes,           -- from messages
    MAX(occurred_at) FILTER (WHERE role = 'unsubscribe') AS unsubscribed_at, -- the newest
    MAX(occurred_at) FILTER (WHERE role = 'resubscribe') AS resubscribed_at, -- the newest

    -- what the brand did to the user
    COUNT(*) FILTER (WHERE is_touch) AS touches,                            -- messages shown or sent
    MAX(day) FILTER (WHERE is_touch) AS last_touch_day,
    COUNT(*) FILTER (WHERE event_type = 'campaign_exposure') AS campaign_exposures, -- times a campaign was shown
    COUNT(*) FILTER (WHERE role = 'recall') AS recalls                      -- messages sent to win the user back
FROM staging.engagement
GROUP BY user_id
