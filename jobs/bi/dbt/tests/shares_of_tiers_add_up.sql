-- Dates and dimensions whose tiers do not add up to all users.
SELECT
    snapshot_date,
    dimension
FROM {{ ref('tier_summary_labelled') }}
GROUP BY snapshot_date, dimension
HAVING ABS(SUM(share) - 1) > 1e-9
