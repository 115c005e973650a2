-- The same of the newest date alone: filter on one period and one dimension.
SELECT *
FROM {{ ref('matrix_labelled') }}
WHERE snapshot_date = (SELECT MAX(snapshot_date) FROM {{ source('tierline', 'tier_current') }})
