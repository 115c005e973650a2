-- Every metric on every day of the calendar, with label, unit, format and direction. value is NULL on a day that was not published or has nothing to measure; value_or_last has the value before instead, for lines without holes.
WITH spine AS (
    SELECT
        calendar.snapshot_date,
        metrics.metric
    FROM {{ ref('calendar') }}
    CROSS JOIN (SELECT DISTINCT metric FROM {{ source('tierline', 'kpi_daily') }}) AS metrics
),

placed AS (
    SELECT
        spine.snapshot_date,
        spine.metric,
        kpis.value,
        kpis.previous_value,
        kpis.metric IS NOT NULL AS is_published,
        COUNT(kpis.value) OVER (PARTITION BY spine.metric ORDER BY spine.snapshot_date) AS values_until
    FROM spine
    LEFT JOIN {{ source('tierline', 'kpi_daily') }} AS kpis
        ON spine.snapshot_date = kpis.snapshot_date AND spine.metric = kpis.metric
)

SELECT
    placed.snapshot_date,
    placed.metric,
    COALESCE(names.label_en, placed.metric) AS label_en,
    COALESCE(names.label_zh, placed.metric) AS label_zh,
    placed.value,
    MAX(placed.value) OVER (PARTITION BY placed.metric, placed.values_until) AS value_or_last,
    placed.previous_value,
    placed.is_published,
    names.unit,
    names.format,
    COALESCE(names.better, 'none') AS better,
    COALESCE(names.sort_order, 999) AS sort_order,
    names.description
FROM placed
LEFT JOIN {{ source('tierline', 'dim_metric') }} AS names
    ON placed.metric = names.metric
