-- Every day from the first published date to the newest, for the semantic layer.
SELECT snapshot_date AS date_day
FROM {{ ref('calendar') }}
