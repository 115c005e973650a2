-- Every tier with its labels and its place in charts: 1 is the best, or the first by label where tiers have no ranks.
SELECT
    dimension,
    tier,
    rank,
    ROW_NUMBER() OVER (PARTITION BY dimension ORDER BY rank DESC NULLS LAST, label_en, tier) AS sort_order,
    label_en,
    label_zh,
    playbook,
    playbook_zh
FROM {{ source('tierline', 'dim_tier') }}
