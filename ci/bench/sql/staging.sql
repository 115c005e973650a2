-- The raw rows up to the snapshot date, without those that are rejected.
CREATE OR REPLACE TEMP VIEW raw_orders AS
SELECT
    dt AS day,
    user_id,
    amount,
    discount,
    COALESCE(status IN ('paid', 'completed'), FALSE) AS is_counting
FROM read_parquet('$data/orders/$partitions/*.parquet', hive_types = {'dt': DATE})
WHERE dt <= $snapshot_date
    AND user_id IS NOT NULL
    AND ordered_at IS NOT NULL
    AND amount >= 0;

CREATE OR REPLACE TEMP VIEW raw_events AS
SELECT
    dt AS day,
    user_id,
    event_types.* EXCLUDE (event_type)
FROM read_parquet('$data/engagement/$partitions/*.parquet', hive_types = {'dt': DATE}) AS events
LEFT JOIN event_types USING (event_type)
WHERE dt <= $snapshot_date
    AND user_id IS NOT NULL
    AND occurred_at IS NOT NULL;
