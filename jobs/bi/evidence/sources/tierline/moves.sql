-- Who went from where to where until the newest date. The row without a label is there on a first night, too,
-- since Evidence cannot read a source without rows.
SELECT
    period,
    CASE period WHEN 'night' THEN 'Since the night before' WHEN 'week' THEN 'In 7 days' ELSE 'In 28 days' END AS period_label,
    CASE period WHEN 'night' THEN 1 WHEN 'week' THEN 2 ELSE 3 END AS period_place,
    strftime(previous_snapshot_date, '%Y-%m-%d') AS since,
    dimension,
    from_label_en AS from_label,
    to_label_en AS to_label,
    from_sort,
    to_sort,
    before_name,
    after_name,
    moved,
    CASE direction WHEN 'lateral' THEN 'sideways' ELSE direction END AS direction,
    users,
    CAST(revenue_365d AS DOUBLE) AS revenue_365d
FROM matrix_labelled_newest

UNION ALL

SELECT 'night', 'Since the night before', 1, '', '', '', '', 0, 0, '', '', false, 'stayed', 0, 0
