-- What a user has brought so far, against what it cost to win them.
SELECT
    user_id,
    acquisition_cost,                                 -- what it cost to win the user, NULL when not known
    revenue_lifetime AS ltv_historical,               -- lifetime value so far: what the user paid
    CASE
        WHEN acquisition_cost > 0
            THEN CAST(revenue_lifetime * 100 AS DOUBLE) / CAST(acquisition_cost * 100 AS DOUBLE)
    END AS ltv_to_cac                                 -- lifetime value per money spent to win the user; NULL without a cost
FROM features.users
