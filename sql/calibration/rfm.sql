-- The buyers of a year, by whom cut points are calibrated, and the metrics. Each column c gives the
-- parameters $c_cut_1 to $c_cut_4, and $c_users_1 to $c_users_5: how many of these users are at or
-- below cut 1, between the cuts, and above cut 4.
SELECT
    recency_days,
    orders_365d,
    revenue_365d
FROM features.users
WHERE orders_365d >= 1
