-- Every value of every dimension: its rank, its labels, and what to do for these users. Each
-- dimension that stands here is a column of the snapshot. The values of `warning` are the names
-- of columns that are true or false.
SELECT
    'value_tier' AS dimension,
    tier,
    rank,
    label_en,
    label_zh,
    playbook,
    playbook_zh
FROM reference.value_tiers

UNION ALL

SELECT
    dimension,
    tier,
    rank,
    label_en,
    label_zh,
    playbook,
    playbook_zh
FROM reference.dim_tier
