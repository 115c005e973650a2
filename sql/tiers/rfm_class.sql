-- The eight RFM classes: which of the three scores are high.
SELECT
    user_id,
    CASE
        WHEN rfm_total IS NULL THEN 'unscored'
        WHEN m_score > $high_score AND r_score > $high_score AND f_score > $high_score THEN 'important_value'
        WHEN m_score > $high_score AND r_score > $high_score THEN 'important_develop'
        WHEN m_score > $high_score AND f_score > $high_score THEN 'important_retain'
        WHEN m_score > $high_score THEN 'important_winback'
        WHEN r_score > $high_score AND f_score > $high_score THEN 'general_value'
        WHEN r_score > $high_score THEN 'general_develop'
        WHEN f_score > $high_score THEN 'general_retain'
        ELSE 'general_winback'
    END AS rfm_class                                  -- which of R, F and M are high; another class shows after the days of hold
FROM tiers.rfm
