-- No user may have a first order after the last one.
SELECT
    user_id,
    first_order_day,
    last_order_day
FROM publish.tier_snapshot
WHERE first_order_day > last_order_day
