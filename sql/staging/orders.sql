-- One row per order. Map what your company delivers to these columns.
SELECT
    day,                                              -- the business day: the partition the order lies in
    order_id,
    user_id,
    ordered_at,                                       -- UTC
    amount,                                           -- what the user paid
    status,
    COALESCE(status IN ('paid', 'completed'), FALSE) AS is_counting,  -- only these orders count anywhere
    COALESCE(status IN ('refund', 'refunded') AND amount < 0, FALSE) AS is_refund,  -- a row that takes back what was paid: less revenue, no order
    discount,                                         -- NULL when not known
    channel,
    category,
    CASE
        WHEN user_id IS NULL OR BTRIM(CAST(user_id AS VARCHAR), $white_space) IN ('', $guest_ids) THEN 'null_user_id'
        WHEN ordered_at IS NULL THEN 'null_time'
        WHEN amount IS NULL THEN 'null_amount'
        WHEN amount < 0 AND COALESCE(status NOT IN ('refund', 'refunded'), TRUE) THEN 'negative_amount'
        WHEN amount >= $absurd_amount OR amount <= -$absurd_amount THEN 'absurd_amount'  -- sums of such would not fit into money columns
    END AS reject_reason,                             -- NULL for a good row; others are counted and left out
    CASE
        WHEN COALESCE(status NOT IN ('paid', 'completed', $other_statuses), TRUE)
            THEN 'unknown statuses count as no order: ' || COALESCE(status, 'NULL')
    END AS warning                                    -- NULL, or a remark on a row that is kept: what it is, and behind ': ' the value
FROM sources.orders
