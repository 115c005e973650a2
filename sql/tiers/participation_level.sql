-- How much a user takes part in what the brand stages, over 90 days.
WITH participations AS (
    SELECT
        user_id,
        campaign_joins_90d + surveys_90d + posts_90d AS participations_90d,
        campaign_joins_90d,
        campaign_exposures_90d
    FROM features.users
)

SELECT
    user_id,
    CASE
        WHEN participations_90d >= $high_participations_90d THEN 'high'
        WHEN participations_90d >= 1 THEN 'some'
        ELSE 'none'
    END AS participation_level,
    CASE
        WHEN campaign_exposures_90d > 0
            THEN CAST(LEAST(campaign_joins_90d, campaign_exposures_90d) AS DOUBLE) / campaign_exposures_90d
    END AS participation_rate_90d                     -- campaign joins per time a campaign was shown, 1 at most; NULL when none was
FROM participations
