-- The users who are scored, and the metrics whose cut points are calibrated. Each column c gives
-- the parameters $c_cut_1 to $c_cut_4.
SELECT
    recency_days,
    orders_365d,
    revenue_365d
FROM features.users
WHERE orders_lifetime >= 1
