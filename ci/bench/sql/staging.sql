-- The raw rows up to the snapshot date, without those that are rejected.
CREATE OR REPLACE TEMP VIEW raw_orders AS
SELECT
    dt AS day,
    user_id,
    order_id,
    ordered_at,
    amount,
    discount,
    channel,
    category,
    COALESCE(status IN ('paid', 'completed'), FALSE) AS is_counting,
    COALESCE(status IN ('refund', 'refunded') AND amount < 0, FALSE) AS is_refund
FROM read_parquet('$data/orders/$partitions/*.parquet', hive_types = {'dt': DATE})
WHERE dt <= $snapshot_date
    AND user_id IS NOT NULL
    AND ordered_at IS NOT NULL
    AND (amount >= 0 OR status IN ('refund', 'refunded'));

CREATE OR REPLACE TEMP VIEW raw_events AS
SELECT
    dt AS day,
    user_id,
    occurred_at,
    DATE_PART('hour', occurred_at AT TIME ZONE '$timezone') AS local_hour,
    duration_seconds,
    content_id,
    COALESCE(event_types.is_own, TRUE) AS is_own,
    event_types.* EXCLUDE (event_type, is_own)
FROM read_parquet('$data/engagement/$partitions/*.parquet', hive_types = {'dt': DATE}) AS events
LEFT JOIN event_types USING (event_type)
WHERE dt <= $snapshot_date
    AND user_id IS NOT NULL
    AND occurred_at IS NOT NULL;
