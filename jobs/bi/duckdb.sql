-- The tables of a job in DuckDB, and views of them for charts: `duckdb bi.duckdb < duckdb.sql` keeps them in
-- a file that BI tools open. Credentials of a bucket: CREATE SECRET (TYPE s3, PROVIDER credential_chain).
--
-- Each table is read as it is at the time of the query. For all of them as of one publication, run
-- <output>/views/duckdb.sql afterwards, and again after each night: it replaces the views of the first part
-- by ones of fixed versions, whose *_newest name the date, so that one file is read and not all.
--
-- Dimensions of your own: three columns and a join more in tier_current_labelled.

-- First part: the tables

CREATE OR REPLACE VIEW actions AS SELECT * FROM delta_scan('s3://your-bucket/tierline/tables/actions');
CREATE OR REPLACE VIEW alerts AS SELECT * FROM delta_scan('s3://your-bucket/tierline/tables/alerts');
CREATE OR REPLACE VIEW dim_metric AS SELECT * FROM delta_scan('s3://your-bucket/tierline/tables/dim_metric');
CREATE OR REPLACE VIEW dim_tier AS SELECT * FROM delta_scan('s3://your-bucket/tierline/tables/dim_tier');
CREATE OR REPLACE VIEW kpi_daily AS SELECT * FROM delta_scan('s3://your-bucket/tierline/tables/kpi_daily');
CREATE OR REPLACE VIEW publications AS SELECT * FROM delta_scan('s3://your-bucket/tierline/tables/publications');
CREATE OR REPLACE VIEW tier_current AS SELECT * FROM delta_scan('s3://your-bucket/tierline/tables/tier_current');
CREATE OR REPLACE VIEW tier_migration AS SELECT * FROM delta_scan('s3://your-bucket/tierline/tables/tier_migration');
CREATE OR REPLACE VIEW tier_migration_matrix AS SELECT * FROM delta_scan('s3://your-bucket/tierline/tables/tier_migration_matrix');
CREATE OR REPLACE VIEW tier_snapshot AS SELECT * FROM delta_scan('s3://your-bucket/tierline/tables/tier_snapshot');
CREATE OR REPLACE VIEW tier_summary AS SELECT * FROM delta_scan('s3://your-bucket/tierline/tables/tier_summary');

-- The newest date

CREATE OR REPLACE VIEW actions_newest AS
SELECT *
FROM actions
WHERE snapshot_date = (SELECT MAX(snapshot_date) FROM tier_current);
COMMENT ON VIEW actions_newest IS 'Whom to contact and whom to leave alone, on the newest date.';

CREATE OR REPLACE VIEW alerts_newest AS
SELECT *
FROM alerts
WHERE snapshot_date = (SELECT MAX(snapshot_date) FROM tier_current);
COMMENT ON VIEW alerts_newest IS 'The metrics that are past their limits, on the newest date.';

CREATE OR REPLACE VIEW kpi_daily_newest AS
SELECT *
FROM kpi_daily
WHERE snapshot_date = (SELECT MAX(snapshot_date) FROM tier_current);
COMMENT ON VIEW kpi_daily_newest IS 'The metrics, on the newest date.';

CREATE OR REPLACE VIEW tier_migration_newest AS
SELECT *
FROM tier_migration
WHERE snapshot_date = (SELECT MAX(snapshot_date) FROM tier_current);
COMMENT ON VIEW tier_migration_newest IS 'Who moved, on the newest date.';

CREATE OR REPLACE VIEW tier_migration_matrix_newest AS
SELECT *
FROM tier_migration_matrix
WHERE snapshot_date = (SELECT MAX(snapshot_date) FROM tier_current);
COMMENT ON VIEW tier_migration_matrix_newest IS 'How many users moved from which tier to which, on the newest date.';

CREATE OR REPLACE VIEW tier_summary_newest AS
SELECT *
FROM tier_summary
WHERE snapshot_date = (SELECT MAX(snapshot_date) FROM tier_current);
COMMENT ON VIEW tier_summary_newest IS 'What each tier adds up to, on the newest date.';

-- Second part: views for charts

CREATE OR REPLACE VIEW dim_tier_sorted AS
SELECT
    dimension,
    tier,
    rank,
    ROW_NUMBER() OVER (PARTITION BY dimension ORDER BY rank DESC NULLS LAST, label_en, tier) AS sort_order,
    label_en,
    label_zh,
    playbook,
    playbook_zh
FROM dim_tier;
COMMENT ON VIEW dim_tier_sorted IS 'Every tier with its labels and its place in charts: 1 is the best, or the first by label where tiers have no ranks.';

CREATE OR REPLACE VIEW tier_current_labelled AS
SELECT
    users.*,
    value_tier_names.label_en AS value_tier_label_en,
    value_tier_names.label_zh AS value_tier_label_zh,
    value_tier_names.sort_order AS value_tier_sort,
    lifecycle_stage_names.label_en AS lifecycle_stage_label_en,
    lifecycle_stage_names.label_zh AS lifecycle_stage_label_zh,
    lifecycle_stage_names.sort_order AS lifecycle_stage_sort,
    customer_layer_names.label_en AS customer_layer_label_en,
    customer_layer_names.label_zh AS customer_layer_label_zh,
    customer_layer_names.sort_order AS customer_layer_sort,
    interaction_depth_names.label_en AS interaction_depth_label_en,
    interaction_depth_names.label_zh AS interaction_depth_label_zh,
    interaction_depth_names.sort_order AS interaction_depth_sort,
    participation_level_names.label_en AS participation_level_label_en,
    participation_level_names.label_zh AS participation_level_label_zh,
    participation_level_names.sort_order AS participation_level_sort,
    rfm_class_names.label_en AS rfm_class_label_en,
    rfm_class_names.label_zh AS rfm_class_label_zh,
    rfm_class_names.sort_order AS rfm_class_sort,
    value_engagement_names.label_en AS value_engagement_label_en,
    value_engagement_names.label_zh AS value_engagement_label_zh,
    value_engagement_names.sort_order AS value_engagement_sort,
    engagement_style_names.label_en AS engagement_style_label_en,
    engagement_style_names.label_zh AS engagement_style_label_zh,
    engagement_style_names.sort_order AS engagement_style_sort,
    need_type_names.label_en AS need_type_label_en,
    need_type_names.label_zh AS need_type_label_zh,
    need_type_names.sort_order AS need_type_sort,
    price_sensitivity_names.label_en AS price_sensitivity_label_en,
    price_sensitivity_names.label_zh AS price_sensitivity_label_zh,
    price_sensitivity_names.sort_order AS price_sensitivity_sort
FROM tier_current AS users
LEFT JOIN dim_tier_sorted AS value_tier_names
    ON value_tier_names.dimension = 'value_tier' AND users.value_tier = value_tier_names.tier
LEFT JOIN dim_tier_sorted AS lifecycle_stage_names
    ON lifecycle_stage_names.dimension = 'lifecycle_stage' AND users.lifecycle_stage = lifecycle_stage_names.tier
LEFT JOIN dim_tier_sorted AS customer_layer_names
    ON customer_layer_names.dimension = 'customer_layer' AND users.customer_layer = customer_layer_names.tier
LEFT JOIN dim_tier_sorted AS interaction_depth_names
    ON interaction_depth_names.dimension = 'interaction_depth' AND users.interaction_depth = interaction_depth_names.tier
LEFT JOIN dim_tier_sorted AS participation_level_names
    ON participation_level_names.dimension = 'participation_level' AND users.participation_level = participation_level_names.tier
LEFT JOIN dim_tier_sorted AS rfm_class_names
    ON rfm_class_names.dimension = 'rfm_class' AND users.rfm_class = rfm_class_names.tier
LEFT JOIN dim_tier_sorted AS value_engagement_names
    ON value_engagement_names.dimension = 'value_engagement' AND users.value_engagement = value_engagement_names.tier
LEFT JOIN dim_tier_sorted AS engagement_style_names
    ON engagement_style_names.dimension = 'engagement_style' AND users.engagement_style = engagement_style_names.tier
LEFT JOIN dim_tier_sorted AS need_type_names
    ON need_type_names.dimension = 'need_type' AND users.need_type = need_type_names.tier
LEFT JOIN dim_tier_sorted AS price_sensitivity_names
    ON price_sensitivity_names.dimension = 'price_sensitivity' AND users.price_sensitivity = price_sensitivity_names.tier;
COMMENT ON VIEW tier_current_labelled IS 'Every user of the newest date, with a label and a place in charts for the tier of each dimension.';

CREATE OR REPLACE VIEW tier_summary_labelled AS
SELECT
    summary.*,
    COALESCE(names.label_en, summary.tier) AS label_en,
    COALESCE(names.label_zh, summary.tier) AS label_zh,
    COALESCE(names.sort_order, 99) AS sort_order
FROM tier_summary AS summary
LEFT JOIN dim_tier_sorted AS names
    ON summary.dimension = names.dimension AND summary.tier = names.tier;
COMMENT ON VIEW tier_summary_labelled IS 'What each tier adds up to, on every date, with labels.';

CREATE OR REPLACE VIEW matrix_labelled AS
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
FROM tier_migration_matrix AS matrix
LEFT JOIN dim_tier_sorted AS opening
    ON matrix.dimension = opening.dimension AND matrix.from_tier = opening.tier
LEFT JOIN dim_tier_sorted AS closing
    ON matrix.dimension = closing.dimension AND matrix.to_tier = closing.tier;
COMMENT ON VIEW matrix_labelled IS 'How many users went from which tier to which, on every date: filter on one snapshot_date, one period and one dimension, and on moved unless the users who stayed belong on the chart. before_name and after_name never meet, so that a Sankey has no circle; from_axis and to_axis sort as tiers do.';

CREATE OR REPLACE VIEW matrix_labelled_newest AS
SELECT *
FROM matrix_labelled
WHERE snapshot_date = (SELECT MAX(snapshot_date) FROM tier_current);
COMMENT ON VIEW matrix_labelled_newest IS 'The same of the newest date alone: filter on one period and one dimension.';

CREATE OR REPLACE VIEW calendar AS
SELECT CAST(UNNEST(GENERATE_SERIES(MIN(snapshot_date), MAX(snapshot_date), INTERVAL 1 DAY)) AS DATE) AS snapshot_date
FROM kpi_daily;
COMMENT ON VIEW calendar IS 'Every day from the first published date to the newest, those that were not published too.';

CREATE OR REPLACE VIEW kpi_daily_labelled AS
WITH spine AS (
    SELECT
        calendar.snapshot_date,
        metrics.metric
    FROM calendar
    CROSS JOIN (SELECT DISTINCT metric FROM kpi_daily) AS metrics
),

placed AS (
    SELECT
        spine.snapshot_date,
        spine.metric,
        kpis.value,
        kpis.previous_value,
        kpis.metric IS NOT NULL AS is_published,
        COUNT(kpis.value) OVER (PARTITION BY spine.metric ORDER BY spine.snapshot_date) AS values_until
    FROM spine
    LEFT JOIN kpi_daily AS kpis
        ON spine.snapshot_date = kpis.snapshot_date AND spine.metric = kpis.metric
)

SELECT
    placed.snapshot_date,
    placed.metric,
    COALESCE(names.label_en, placed.metric) AS label_en,
    COALESCE(names.label_zh, placed.metric) AS label_zh,
    placed.value,
    MAX(placed.value) OVER (PARTITION BY placed.metric, placed.values_until) AS value_or_last,
    placed.previous_value,
    placed.is_published,
    names.unit,
    names.format,
    COALESCE(names.better, 'none') AS better,
    COALESCE(names.sort_order, 999) AS sort_order,
    names.description
FROM placed
LEFT JOIN dim_metric AS names
    ON placed.metric = names.metric;
COMMENT ON VIEW kpi_daily_labelled IS 'Every metric on every day of the calendar, with label, unit, format and direction. value is NULL on a day that was not published or has nothing to measure; value_or_last has the value before instead, for lines without holes.';

CREATE OR REPLACE VIEW kpi_labelled_newest AS
SELECT
    kpis.snapshot_date,
    kpis.metric,
    COALESCE(names.label_en, kpis.metric) AS label_en,
    COALESCE(names.label_zh, kpis.metric) AS label_zh,
    kpis.value,
    kpis.previous_value,
    names.unit,
    names.format,
    COALESCE(names.better, 'none') AS better,
    COALESCE(names.sort_order, 999) AS sort_order,
    names.description
FROM kpi_daily_newest AS kpis
LEFT JOIN dim_metric AS names
    ON kpis.metric = names.metric;
COMMENT ON VIEW kpi_labelled_newest IS 'Every metric of the newest date, with label, unit, format and direction.';

CREATE OR REPLACE VIEW alerts_labelled_newest AS
SELECT
    alerts.snapshot_date,
    alerts.alert,
    alerts.severity,
    COALESCE(alerts.title_en, names.label_en, alerts.alert) AS title_en,
    COALESCE(alerts.title_zh, names.label_zh, alerts.alert) AS title_zh,
    COALESCE(names.label_en, alerts.alert) AS label_en,
    COALESCE(names.label_zh, alerts.alert) AS label_zh,
    alerts.value,
    alerts.threshold,
    names.unit,
    names.format,
    alerts.message,
    alerts.message_zh
FROM alerts_newest AS alerts
LEFT JOIN dim_metric AS names
    ON alerts.alert = names.metric;
COMMENT ON VIEW alerts_labelled_newest IS 'The alerts of the newest date, with a short title, the label of the metric, and its format.';
