-- The alerts of the newest date, with a short title, the label of the metric, and its format.
SELECT
    alerts.snapshot_date,
    alerts.alert,
    alerts.severity,
    COALESCE(alerts.title_en, names.label_en, alerts.alert) AS title_en,
    COALESCE(alerts.title_zh, names.label_zh, alerts.alert) AS title_zh,
    COALESCE(names.label_en, alerts.alert) AS label_en,
    COALESCE(names.label_zh, alerts.alert) AS label_zh,
    alerts.value,
    alerts.threshold,
    names.unit,
    names.format,
    alerts.message,
    alerts.message_zh
FROM (SELECT * FROM {{ source('tierline', 'alerts') }} WHERE snapshot_date = (SELECT MAX(snapshot_date) FROM {{ source('tierline', 'tier_current') }})) AS alerts
LEFT JOIN {{ source('tierline', 'dim_metric') }} AS names
    ON alerts.alert = names.metric
