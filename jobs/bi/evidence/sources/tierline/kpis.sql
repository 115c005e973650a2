-- Every metric on every day, and how to write it: formats of `dim_metric` as Evidence takes them.
SELECT
    snapshot_date,
    strftime(snapshot_date, '%Y-%m-%d') AS date,
    snapshot_date = MAX(snapshot_date) OVER () AS is_newest,
    metric,
    label_en AS label,
    value,
    value_or_last,
    previous_value,
    CASE better WHEN 'down' THEN previous_value - value WHEN 'up' THEN value - previous_value END AS gain,
    unit,
    CASE
        WHEN format LIKE '+%' THEN '+0.0%;-0.0%;0.0%'
        WHEN format LIKE '%\%' ESCAPE '\' THEN '0.' || REPEAT('0', CAST(format[2] AS INTEGER)) || '%'
        WHEN format = ',.0f' THEN '#,##0'
        ELSE '#,##0.' || REPEAT('0', COALESCE(TRY_CAST(format[3] AS INTEGER), 2))
    END AS format,
    sort_order,
    description
FROM kpi_daily_labelled
