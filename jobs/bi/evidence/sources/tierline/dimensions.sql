-- What users are tiered by, for lists to choose from.
SELECT
    dimension,
    CASE dimension
        WHEN 'rfm_class' THEN 'RFM class'
        ELSE UPPER(dimension[1]) || REPLACE(dimension[2:], '_', ' ')
    END AS label,
    CASE dimension WHEN 'value_tier' THEN 1 WHEN 'lifecycle_stage' THEN 2 ELSE 3 END AS place
FROM (SELECT DISTINCT dimension FROM tier_summary) AS dimensions
