-- What each user did, over the windows that tiers look at.
SELECT
    user_id,
    first_event_day_lifetime AS first_event_day,        -- day of the first event of any kind
    last_event_day_lifetime AS last_event_day,          -- day of the last event of any kind
    events_lifetime,                                    -- events ever, passive ones too
    interactions_7d,                                    -- active events in the last 7 days
    interactions_30d,                                   -- active events in the last 30 days
    interactions_prev_30d,                              -- active events in the 30 days before those
    opens_15d,                                          -- times the app was opened in the last 15 days
    opens_d0,                                           -- times opened on the snapshot date
    opens_d1,                                           -- times opened one day before
    opens_d2,                                           -- times opened two days before
    opens_d3,                                           -- times opened three days before
    posts_30d,                                          -- posts and comments in the last 30 days; reviews are not among them
    posts_prev_30d,                                     -- posts and comments in the 30 days before those
    campaign_exposures_90d,                             -- times a campaign was shown in the last 90 days
    campaign_joins_90d,                                 -- times a campaign was joined or a coupon redeemed in the last 90 days
    surveys_90d,                                        -- surveys answered in the last 90 days
    posts_90d,                                          -- posts and comments in the last 90 days
    complaints_d0,                                      -- complaints on the snapshot date
    complaints_d1,                                      -- complaints one day before
    reader_30d,                                         -- views and brand stories in the last 30 days
    liker_30d,                                          -- likes in the last 30 days
    commenter_30d,                                      -- comments, posts and reviews in the last 30 days
    sharer_30d,                                         -- shares in the last 30 days
    functional_90d,                                     -- events of functional need in the last 90 days
    social_90d,                                         -- events of social need in the last 90 days
    emotional_90d                                       -- events of emotional need in the last 90 days
FROM windows(
    'rollups.interactions',
    'd0', 'd1', 'd2', 'd3', '7d', '15d', '30d', 'prev_30d', '90d', 'lifetime'
)
