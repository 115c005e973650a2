-- Every value of every dimension: its rank, its labels, and what to do for these users. A
-- dimension is published when it stands here and the snapshot has a column of its name.
SELECT
    'value_tier' AS dimension,
    tier,
    rank,
    label_en,
    label_zh,
    playbook
FROM reference.value_tiers

UNION ALL

SELECT
    dimension,
    tier,
    rank,
    label_en,
    label_zh,
    playbook
FROM reference.dim_tier
