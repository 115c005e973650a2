-- What each user did, over the windows that tiers look at, and how often the brand touched them.
SELECT
    user_id,

    -- the user's own activity: touches are left out
    first_event_day_lifetime AS first_event_day,        -- day of the user's first event of any kind
    last_event_day_lifetime AS last_event_day,          -- day of the user's last event of any kind
    last_interaction_day_lifetime AS last_interaction_day, -- day of the last active event
    events_lifetime,                                    -- the user's events ever, passive ones too
    interactions_lifetime,                              -- active events ever
    interactions_7d,                                    -- active events in the last 7 days
    interactions_30d,                                   -- active events in the last 30 days
    interactions_prev_30d,                              -- active events in the 30 days before those
    opens_15d,                                          -- times the app or a message was opened in the last 15 days
    opens_30d,                                          -- times the app or a message was opened in the last 30 days
    opens_d0,                                           -- times opened on the snapshot date
    opens_d1,                                           -- times opened one day before
    opens_d2,                                           -- times opened two days before
    opens_d3,                                           -- times opened three days before
    posts_30d,                                          -- posts and comments in the last 30 days; reviews are not among them
    posts_prev_30d,                                     -- posts and comments in the 30 days before those
    campaign_joins_90d,                                 -- times a campaign was joined or a coupon redeemed in the last 90 days
    surveys_90d,                                        -- surveys answered in the last 90 days
    posts_90d,                                          -- posts and comments in the last 90 days
    saves_30d,                                          -- things saved for later in the last 30 days
    last_save_day_lifetime AS last_save_day,            -- day of the last thing saved
    complaints_d0,                                      -- complaints on the snapshot date
    complaints_d1,                                      -- complaints one day before
    complaints_30d,                                     -- complaints in the last 30 days
    last_complaint_day_lifetime AS last_complaint_day,  -- day of the last complaint
    last_content_id_lifetime AS last_content_id,        -- the content of the user's newest event about one
    COALESCE(watch_seconds_30d, 0) AS watch_seconds_30d, -- seconds that the user's events lasted in the last 30 days
    reader_30d,                                         -- views and brand stories in the last 30 days
    liker_30d,                                          -- likes in the last 30 days
    commenter_30d,                                      -- comments, posts and reviews in the last 30 days
    sharer_30d,                                         -- shares in the last 30 days
    functional_90d,                                     -- events of functional need in the last 90 days
    social_90d,                                         -- events of social need in the last 90 days
    emotional_90d,                                      -- events of emotional need in the last 90 days
    events_night_90d,                                   -- the user's events of 90 days from midnight to six, local time
    events_morning_90d,                                 -- from six to noon
    events_afternoon_90d,                               -- from noon to six
    events_evening_90d,                                 -- from six to midnight
    CASE GREATEST(events_night_90d, events_morning_90d, events_afternoon_90d, events_evening_90d)
        WHEN 0 THEN NULL
        WHEN events_evening_90d THEN 'evening'
        WHEN events_afternoon_90d THEN 'afternoon'
        WHEN events_morning_90d THEN 'morning'
        ELSE 'night'
    END AS preferred_day_part,                          -- night, morning, afternoon or evening: with most events of 90 days, on a tie the later; NULL without any

    -- touches: what the brand did to the user
    last_touch_day_lifetime AS last_touch_day,          -- day of the last message shown or sent
    touches_7d,                                         -- messages shown or sent in the last 7 days
    touches_30d,                                        -- messages shown or sent in the last 30 days
    campaign_exposures_90d,                             -- times a campaign was shown in the last 90 days
    recalls_90d,                                        -- messages to win the user back in the last 90 days
    unsubscribes_30d,                                   -- times the user unsubscribed in the last 30 days
    NOT COALESCE(
        unsubscribed_at_lifetime > resubscribed_at_lifetime,
        unsubscribed_at_lifetime IS NOT NULL
    ) AS can_contact                                    -- whether messages may be sent: false from an unsubscribe to the next resubscribe
FROM windows(
    'rollups.interactions',
    'd0', 'd1', 'd2', 'd3', '7d', '15d', '30d', 'prev_30d', '90d', 'lifetime'
)
