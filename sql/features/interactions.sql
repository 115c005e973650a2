-- What each user did, over the windows that tiers look at.
SELECT
    user_id,
    first_event_day_lifetime AS first_event_day,
    last_event_day_lifetime AS last_event_day,
    events_lifetime,
    interactions_7d,
    interactions_30d,
    interactions_prev_30d,                            -- the 30 days before those
    opens_15d,
    opens_d0,                                         -- on the snapshot date
    opens_d1,                                         -- the day before, and so on
    opens_d2,
    opens_d3,
    posts_30d,
    posts_prev_30d,
    campaign_exposures_90d,
    campaign_joins_90d,
    surveys_90d,
    posts_90d,
    complaints_d0,
    complaints_d1,
    reader_30d,
    liker_30d,
    commenter_30d,
    sharer_30d,
    functional_90d,
    social_90d,
    emotional_90d
FROM windows(
    'rollups.interactions',
    'd0', 'd1', 'd2', 'd3', '7d', '15d', '30d', 'prev_30d', '90d', 'lifetime'
)
