-- What each tier adds up to, on every date, with labels.
SELECT
    summary.*,
    COALESCE(names.label_en, summary.tier) AS label_en,
    COALESCE(names.label_zh, summary.tier) AS label_zh,
    COALESCE(names.sort_order, 99) AS sort_order
FROM {{ source('tierline', 'tier_summary') }} AS summary
LEFT JOIN {{ ref('dim_tier_sorted') }} AS names
    ON summary.dimension = names.dimension AND summary.tier = names.tier
