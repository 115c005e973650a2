-- Every day from the first published date to the newest, those that were not published too.
SELECT CAST(UNNEST(GENERATE_SERIES(MIN(snapshot_date), MAX(snapshot_date), INTERVAL 1 DAY)) AS DATE) AS snapshot_date
FROM {{ source('tierline', 'kpi_daily') }}
