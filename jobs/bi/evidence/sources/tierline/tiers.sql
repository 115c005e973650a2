-- What each tier adds up to, on every date.
SELECT
    summary.snapshot_date,
    strftime(summary.snapshot_date, '%Y-%m-%d') AS date,
    summary.snapshot_date = MAX(summary.snapshot_date) OVER () AS is_newest,
    summary.dimension,
    summary.label_en AS label,
    summary.sort_order,
    summary.users,
    summary.share,
    CAST(summary.revenue_365d AS DOUBLE) AS revenue_365d,
    summary.revenue_share,
    summary.entered,
    summary.left_tier,
    summary.net_change,
    names.playbook
FROM tier_summary_labelled AS summary
LEFT JOIN dim_tier_sorted AS names
    ON summary.dimension = names.dimension AND summary.tier = names.tier
