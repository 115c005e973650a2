-- What a user did in a period, passive events included.
SELECT
    user_id,
    MIN(day) AS first_event_day,                                            -- of any kind
    MAX(day) AS last_event_day,                                             -- of any kind
    COUNT(*) AS events,                                                     -- passive ones too
    COUNT(*) FILTER (WHERE is_active) AS interactions,                      -- active ones
    COUNT(*) FILTER (WHERE role = 'open') AS opens,                         -- of the app
    COUNT(*) FILTER (WHERE role = 'post') AS posts,                         -- posts and comments; reviews are not among them
    COUNT(*) FILTER (WHERE role = 'campaign_exposure') AS campaign_exposures, -- times a campaign was shown
    COUNT(*) FILTER (WHERE role = 'campaign_join') AS campaign_joins,       -- campaigns joined and coupons redeemed
    COUNT(*) FILTER (WHERE role = 'survey') AS surveys,                     -- answered
    COUNT(*) FILTER (WHERE role = 'complaint') AS complaints,               -- made
    COUNT(*) FILTER (WHERE style = 'reader') AS reader,                     -- views and brand stories
    COUNT(*) FILTER (WHERE style = 'liker') AS liker,                       -- likes
    COUNT(*) FILTER (WHERE style = 'commenter') AS commenter,               -- comments, posts and reviews
    COUNT(*) FILTER (WHERE style = 'sharer') AS sharer,                     -- shares
    COUNT(*) FILTER (WHERE need = 'functional') AS functional,              -- consulting, after-sales, complaints
    COUNT(*) FILTER (WHERE need = 'social') AS social,                      -- posts, comments, reviews, shares
    COUNT(*) FILTER (WHERE need = 'emotional') AS emotional                 -- brand stories
FROM staging.engagement
GROUP BY user_id
