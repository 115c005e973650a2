-- What a user is worth by recency, frequency and money together: the band of the RFM total. The
-- bands stand in reference/value_tiers.csv; the one without a total is for users who are not scored.
SELECT
    rfm.user_id,
    bands.tier AS value_tier
FROM tiers.rfm AS rfm
LEFT JOIN reference.value_tiers AS bands
    ON COALESCE(rfm.rfm_total, 0) BETWEEN COALESCE(bands.min_total, 0) AND COALESCE(bands.max_total, 0)
