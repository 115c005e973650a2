-- How many users went from which tier to which, on every date: filter on one snapshot_date, one period and one dimension, and on moved unless the users who stayed belong on the chart. before_name and after_name never meet, so that a Sankey has no circle; from_axis and to_axis sort as tiers do.
SELECT
    matrix.snapshot_date,
    COALESCE(matrix.period, 'night') AS period,
    matrix.previous_snapshot_date,
    matrix.dimension,
    matrix.from_tier,
    matrix.to_tier,
    COALESCE(opening.label_en, matrix.from_tier, 'Not there') AS from_label_en,
    COALESCE(closing.label_en, matrix.to_tier, 'Gone') AS to_label_en,
    COALESCE(opening.label_zh, matrix.from_tier, '尚未出现') AS from_label_zh,
    COALESCE(closing.label_zh, matrix.to_tier, '已离开') AS to_label_zh,
    COALESCE(opening.sort_order, 99) AS from_sort,
    COALESCE(closing.sort_order, 99) AS to_sort,
    LPAD(CAST(COALESCE(opening.sort_order, 99) AS VARCHAR(9)), 2, '0') || ' ' || COALESCE(opening.label_en, matrix.from_tier, 'Not there') AS from_axis,
    LPAD(CAST(COALESCE(closing.sort_order, 99) AS VARCHAR(9)), 2, '0') || ' ' || COALESCE(closing.label_en, matrix.to_tier, 'Gone') AS to_axis,
    COALESCE(opening.label_en, matrix.from_tier, 'Not there') || ' (before)' AS before_name,
    COALESCE(closing.label_en, matrix.to_tier, 'Gone') || ' (now)' AS after_name,
    COALESCE(opening.label_zh, matrix.from_tier, '尚未出现') || '（之前）' AS before_name_zh,
    COALESCE(closing.label_zh, matrix.to_tier, '已离开') || '（现在）' AS after_name_zh,
    COALESCE(matrix.from_tier, '') <> COALESCE(matrix.to_tier, '') AS moved,
    CASE
        WHEN matrix.from_tier IS NULL THEN 'entered'
        WHEN matrix.to_tier IS NULL THEN 'left'
        WHEN matrix.from_tier = matrix.to_tier THEN 'stayed'
        WHEN closing.rank > opening.rank THEN 'up'
        WHEN closing.rank < opening.rank THEN 'down'
        ELSE 'lateral'
    END AS direction,
    matrix.users,
    matrix.revenue_365d
FROM {{ source('tierline', 'tier_migration_matrix') }} AS matrix
LEFT JOIN {{ ref('dim_tier_sorted') }} AS opening
    ON matrix.dimension = opening.dimension AND matrix.from_tier = opening.tier
LEFT JOIN {{ ref('dim_tier_sorted') }} AS closing
    ON matrix.dimension = closing.dimension AND matrix.to_tier = closing.tier
