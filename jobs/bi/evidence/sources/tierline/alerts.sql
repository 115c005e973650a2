-- The metrics that are past their limits on the newest date.
SELECT
    alert AS metric,
    severity,
    title_en AS title,
    label_en AS label,
    value,
    threshold,
    message
FROM alerts_labelled_newest

UNION ALL

-- There even without an alert: Evidence cannot read a source without rows.
SELECT '', '', '', '', 0, 0, ''
