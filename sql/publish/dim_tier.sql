-- Every value of every dimension: its rank, its labels, and what to do for these users. Each
-- dimension that stands here is a column of the snapshot. The values of `warning` are the names
-- of columns that are true or false.
SELECT
    'value_tier' AS dimension,                        -- the column of tier_snapshot, or warning
    tier,                                             -- the value there; of warnings, the column
    rank,                                             -- higher is better; NULL in a dimension without an order
    label_en,                                         -- for reports
    label_zh,                                         -- for reports in Chinese
    playbook,                                         -- what to do for these users, and what not
    playbook_zh                                       -- the same in Chinese
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
