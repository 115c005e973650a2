-- The quadrants of value and engagement. Users who are not scored are of low value.
WITH quadrants AS (
    SELECT
        rfm.user_id,
        COALESCE(rfm.rfm_total >= $high_value_rfm_total, FALSE) AS is_high_value,
        depth.interaction_depth IN ('deep', 'moderate') AS is_high_engagement
    FROM tiers.rfm AS rfm
    INNER JOIN tiers.interaction_depth AS depth
        ON rfm.user_id = depth.user_id
)

SELECT
    user_id,
    CASE
        WHEN is_high_value AND is_high_engagement THEN 'high_value_high_engagement'
        WHEN is_high_value THEN 'high_value_low_engagement'
        WHEN is_high_engagement THEN 'low_value_high_engagement'
        ELSE 'low_value_low_engagement'
    END AS value_engagement                           -- high or low value by engagement; another quadrant shows after the days of hold
FROM quadrants
