-- Recency, frequency and monetary scores from 1 to 5, by frozen cut points. A value equal to a cut
-- point has not passed it, and equal values always get equal scores. Users without a counting
-- order are not scored.
WITH scores AS (
    SELECT
        user_id,
        CASE
            WHEN orders_lifetime = 0 THEN NULL
            WHEN recency_days <= $recency_days_cut_1 THEN 5
            WHEN recency_days <= $recency_days_cut_2 THEN 4
            WHEN recency_days <= $recency_days_cut_3 THEN 3
            WHEN recency_days <= $recency_days_cut_4 THEN 2
            ELSE 1
        END AS r_score,
        CASE
            WHEN orders_lifetime = 0 THEN NULL
            WHEN orders_365d <= $orders_365d_cut_1 THEN 1
            WHEN orders_365d <= $orders_365d_cut_2 THEN 2
            WHEN orders_365d <= $orders_365d_cut_3 THEN 3
            WHEN orders_365d <= $orders_365d_cut_4 THEN 4
            ELSE 5
        END AS f_score,
        CASE
            WHEN orders_lifetime = 0 THEN NULL
            WHEN revenue_365d <= $revenue_365d_cut_1 THEN 1
            WHEN revenue_365d <= $revenue_365d_cut_2 THEN 2
            WHEN revenue_365d <= $revenue_365d_cut_3 THEN 3
            WHEN revenue_365d <= $revenue_365d_cut_4 THEN 4
            ELSE 5
        END AS m_score
    FROM features.users
)

SELECT
    user_id,
    r_score,                                          -- recency, 1 to 5; 5 ordered most recently
    f_score,                                          -- frequency, 1 to 5; 5 orders most often
    m_score,                                          -- monetary value, 1 to 5; 5 spends most
    r_score + f_score + m_score AS rfm_total          -- the sum of the three scores, 3 to 15
FROM scores
