-- Every metric of the newest date, with label, unit, format and direction.
SELECT
    kpis.snapshot_date,
    kpis.metric,
    COALESCE(names.label_en, kpis.metric) AS label_en,
    COALESCE(names.label_zh, kpis.metric) AS label_zh,
    kpis.value,
    kpis.previous_value,
    names.unit,
    names.format,
    COALESCE(names.better, 'none') AS better,
    COALESCE(names.sort_order, 999) AS sort_order,
    names.description
FROM (SELECT * FROM {{ source('tierline', 'kpi_daily') }} WHERE snapshot_date = (SELECT MAX(snapshot_date) FROM {{ source('tierline', 'tier_current') }})) AS kpis
LEFT JOIN {{ source('tierline', 'dim_metric') }} AS names
    ON kpis.metric = names.metric
