-- The tables of a job in Postgres with pg_duckdb, and views of them for charts: `psql -f postgres.sql`. Once
-- before: CREATE EXTENSION pg_duckdb; SELECT duckdb.install_extension('delta'); and, for a bucket, its
-- credentials as the documentation of pg_duckdb says under Secrets.
--
-- pg_duckdb wants the columns of a file named with their types. Those here are the columns of the SQL pack as
-- `init` writes it: add others, such as your profile attributes, and make user_id a BIGINT where yours is. Where the
-- tables come to Postgres otherwise, as copies or over another wrapper, begin with "The newest date".
--
-- Each table is read as it is at the time of the query. delta_scan of pg_duckdb takes no version: for all
-- tables as of one publication, copy them by DuckDB and <output>/views/duckdb.sql.
--
-- Dimensions of your own: a column in the first part, three columns and a join more in tier_current_labelled.

-- First part: the tables
CREATE SCHEMA IF NOT EXISTS tierline;
SET search_path = tierline;

CREATE OR REPLACE VIEW actions AS
SELECT
    CAST(r['snapshot_date'] AS DATE) AS snapshot_date,
    CAST(r['user_id'] AS TEXT) AS user_id,
    CAST(r['priority'] AS BIGINT) AS priority,
    CAST(r['action'] AS TEXT) AS action,
    CAST(r['channel'] AS TEXT) AS channel,
    CAST(r['reason_en'] AS TEXT) AS reason_en,
    CAST(r['reason_zh'] AS TEXT) AS reason_zh,
    CAST(r['playbook'] AS TEXT) AS playbook,
    CAST(r['playbook_zh'] AS TEXT) AS playbook_zh,
    CAST(r['value_at_stake'] AS NUMERIC(18, 2)) AS value_at_stake,
    CAST(r['expires_on'] AS DATE) AS expires_on,
    CAST(r['rests_until'] AS DATE) AS rests_until,
    CAST(r['last_listed_on'] AS DATE) AS last_listed_on,
    CAST(r['last_action'] AS TEXT) AS last_action,
    CAST(r['cut_users'] AS BIGINT) AS cut_users,
    CAST(r['channel_cut_users'] AS BIGINT) AS channel_cut_users
FROM delta_scan('s3://your-bucket/tierline/tables/actions') AS r;

CREATE OR REPLACE VIEW alerts AS
SELECT
    CAST(r['snapshot_date'] AS DATE) AS snapshot_date,
    CAST(r['alert'] AS TEXT) AS alert,
    CAST(r['severity'] AS TEXT) AS severity,
    CAST(r['value'] AS DOUBLE PRECISION) AS value,
    CAST(r['threshold'] AS DOUBLE PRECISION) AS threshold,
    CAST(r['title_en'] AS TEXT) AS title_en,
    CAST(r['title_zh'] AS TEXT) AS title_zh,
    CAST(r['message'] AS TEXT) AS message,
    CAST(r['message_zh'] AS TEXT) AS message_zh
FROM delta_scan('s3://your-bucket/tierline/tables/alerts') AS r;

CREATE OR REPLACE VIEW dim_metric AS
SELECT
    CAST(r['metric'] AS TEXT) AS metric,
    CAST(r['label_en'] AS TEXT) AS label_en,
    CAST(r['label_zh'] AS TEXT) AS label_zh,
    CAST(r['unit'] AS TEXT) AS unit,
    CAST(r['format'] AS TEXT) AS format,
    CAST(r['better'] AS TEXT) AS better,
    CAST(r['sort_order'] AS BIGINT) AS sort_order,
    CAST(r['headline'] AS BIGINT) AS headline,
    CAST(r['description'] AS TEXT) AS description
FROM delta_scan('s3://your-bucket/tierline/tables/dim_metric') AS r;

CREATE OR REPLACE VIEW dim_tier AS
SELECT
    CAST(r['dimension'] AS TEXT) AS dimension,
    CAST(r['tier'] AS TEXT) AS tier,
    CAST(r['rank'] AS BIGINT) AS rank,
    CAST(r['label_en'] AS TEXT) AS label_en,
    CAST(r['label_zh'] AS TEXT) AS label_zh,
    CAST(r['playbook'] AS TEXT) AS playbook,
    CAST(r['playbook_zh'] AS TEXT) AS playbook_zh
FROM delta_scan('s3://your-bucket/tierline/tables/dim_tier') AS r;

CREATE OR REPLACE VIEW kpi_daily AS
SELECT
    CAST(r['snapshot_date'] AS DATE) AS snapshot_date,
    CAST(r['metric'] AS TEXT) AS metric,
    CAST(r['value'] AS DOUBLE PRECISION) AS value,
    CAST(r['previous_value'] AS DOUBLE PRECISION) AS previous_value
FROM delta_scan('s3://your-bucket/tierline/tables/kpi_daily') AS r;

CREATE OR REPLACE VIEW publications AS
SELECT
    CAST(r['snapshot_date'] AS DATE) AS snapshot_date,
    CAST(r['run_id'] AS TEXT) AS run_id,
    CAST(r['sequence'] AS BIGINT) AS sequence,
    CAST(r['previous_snapshot_date'] AS DATE) AS previous_snapshot_date,
    CAST(r['previous_run_id'] AS TEXT) AS previous_run_id,
    CAST(r['input_fingerprint'] AS TEXT) AS input_fingerprint,
    CAST(r['source_fingerprint'] AS TEXT) AS source_fingerprint,
    CAST(r['sql_fingerprint'] AS TEXT) AS sql_fingerprint,
    CAST(r['cutpoints_id'] AS TEXT) AS cutpoints_id,
    CAST(r['rules_fingerprint'] AS TEXT) AS rules_fingerprint,
    CAST(r['status'] AS TEXT) AS status,
    CAST(r['tier_rules'] AS TEXT) AS tier_rules,
    CAST(r['source_record'] AS TEXT) AS source_record,
    CAST(r['source_files'] AS TEXT) AS source_files,
    CAST(r['published_at'] AS TIMESTAMPTZ) AS published_at,
    CAST(r['tier_snapshot_version'] AS BIGINT) AS tier_snapshot_version,
    CAST(r['tier_snapshot_rows'] AS BIGINT) AS tier_snapshot_rows,
    CAST(r['tier_migration_version'] AS BIGINT) AS tier_migration_version,
    CAST(r['tier_migration_rows'] AS BIGINT) AS tier_migration_rows,
    CAST(r['tier_migration_matrix_version'] AS BIGINT) AS tier_migration_matrix_version,
    CAST(r['tier_migration_matrix_rows'] AS BIGINT) AS tier_migration_matrix_rows,
    CAST(r['tier_current_version'] AS BIGINT) AS tier_current_version,
    CAST(r['tier_current_rows'] AS BIGINT) AS tier_current_rows,
    CAST(r['dim_tier_version'] AS BIGINT) AS dim_tier_version,
    CAST(r['dim_tier_rows'] AS BIGINT) AS dim_tier_rows,
    CAST(r['tier_summary_version'] AS BIGINT) AS tier_summary_version,
    CAST(r['tier_summary_rows'] AS BIGINT) AS tier_summary_rows,
    CAST(r['kpi_daily_version'] AS BIGINT) AS kpi_daily_version,
    CAST(r['kpi_daily_rows'] AS BIGINT) AS kpi_daily_rows,
    CAST(r['alerts_version'] AS BIGINT) AS alerts_version,
    CAST(r['alerts_rows'] AS BIGINT) AS alerts_rows,
    CAST(r['actions_version'] AS BIGINT) AS actions_version,
    CAST(r['actions_rows'] AS BIGINT) AS actions_rows,
    CAST(r['dim_metric_version'] AS BIGINT) AS dim_metric_version,
    CAST(r['dim_metric_rows'] AS BIGINT) AS dim_metric_rows
FROM delta_scan('s3://your-bucket/tierline/tables/publications') AS r;

CREATE OR REPLACE VIEW tier_current AS
SELECT
    CAST(r['snapshot_date'] AS DATE) AS snapshot_date,
    CAST(r['user_id'] AS TEXT) AS user_id,
    CAST(r['orders_lifetime'] AS BIGINT) AS orders_lifetime,
    CAST(r['revenue_lifetime'] AS NUMERIC(18, 2)) AS revenue_lifetime,
    CAST(r['first_order_day'] AS DATE) AS first_order_day,
    CAST(r['last_order_day'] AS DATE) AS last_order_day,
    CAST(r['largest_order_lifetime'] AS NUMERIC(18, 2)) AS largest_order_lifetime,
    CAST(r['orders_365d'] AS BIGINT) AS orders_365d,
    CAST(r['revenue_365d'] AS NUMERIC(18, 2)) AS revenue_365d,
    CAST(r['orders_30d'] AS BIGINT) AS orders_30d,
    CAST(r['revenue_30d'] AS NUMERIC(18, 2)) AS revenue_30d,
    CAST(r['orders_7d'] AS BIGINT) AS orders_7d,
    CAST(r['revenue_60d'] AS NUMERIC(18, 2)) AS revenue_60d,
    CAST(r['revenue_prev_60d'] AS NUMERIC(18, 2)) AS revenue_prev_60d,
    CAST(r['average_order_value_365d'] AS NUMERIC(18, 2)) AS average_order_value_365d,
    CAST(r['discount_known_orders_365d'] AS BIGINT) AS discount_known_orders_365d,
    CAST(r['discounted_orders_365d'] AS BIGINT) AS discounted_orders_365d,
    CAST(r['discount_depth_365d'] AS DOUBLE PRECISION) AS discount_depth_365d,
    CAST(r['largest_order_1d'] AS NUMERIC(18, 2)) AS largest_order_1d,
    CAST(r['largest_order_before_today'] AS NUMERIC(18, 2)) AS largest_order_before_today,
    CAST(r['recency_days'] AS BIGINT) AS recency_days,
    CAST(r['order_gap_days'] AS DOUBLE PRECISION) AS order_gap_days,
    CAST(r['last_order_channel'] AS TEXT) AS last_order_channel,
    CAST(r['last_order_category'] AS TEXT) AS last_order_category,
    CAST(r['first_event_day'] AS DATE) AS first_event_day,
    CAST(r['last_event_day'] AS DATE) AS last_event_day,
    CAST(r['last_interaction_day'] AS DATE) AS last_interaction_day,
    CAST(r['events_lifetime'] AS BIGINT) AS events_lifetime,
    CAST(r['interactions_lifetime'] AS BIGINT) AS interactions_lifetime,
    CAST(r['interactions_7d'] AS BIGINT) AS interactions_7d,
    CAST(r['interactions_30d'] AS BIGINT) AS interactions_30d,
    CAST(r['interactions_prev_30d'] AS BIGINT) AS interactions_prev_30d,
    CAST(r['opens_15d'] AS BIGINT) AS opens_15d,
    CAST(r['opens_30d'] AS BIGINT) AS opens_30d,
    CAST(r['opens_d0'] AS BIGINT) AS opens_d0,
    CAST(r['opens_d1'] AS BIGINT) AS opens_d1,
    CAST(r['opens_d2'] AS BIGINT) AS opens_d2,
    CAST(r['opens_d3'] AS BIGINT) AS opens_d3,
    CAST(r['posts_30d'] AS BIGINT) AS posts_30d,
    CAST(r['posts_prev_30d'] AS BIGINT) AS posts_prev_30d,
    CAST(r['campaign_joins_90d'] AS BIGINT) AS campaign_joins_90d,
    CAST(r['surveys_90d'] AS BIGINT) AS surveys_90d,
    CAST(r['posts_90d'] AS BIGINT) AS posts_90d,
    CAST(r['saves_30d'] AS BIGINT) AS saves_30d,
    CAST(r['last_save_day'] AS DATE) AS last_save_day,
    CAST(r['complaints_d0'] AS BIGINT) AS complaints_d0,
    CAST(r['complaints_d1'] AS BIGINT) AS complaints_d1,
    CAST(r['complaints_30d'] AS BIGINT) AS complaints_30d,
    CAST(r['last_complaint_day'] AS DATE) AS last_complaint_day,
    CAST(r['last_content_id'] AS TEXT) AS last_content_id,
    CAST(r['watch_seconds_30d'] AS BIGINT) AS watch_seconds_30d,
    CAST(r['reader_30d'] AS BIGINT) AS reader_30d,
    CAST(r['liker_30d'] AS BIGINT) AS liker_30d,
    CAST(r['commenter_30d'] AS BIGINT) AS commenter_30d,
    CAST(r['sharer_30d'] AS BIGINT) AS sharer_30d,
    CAST(r['functional_90d'] AS BIGINT) AS functional_90d,
    CAST(r['social_90d'] AS BIGINT) AS social_90d,
    CAST(r['emotional_90d'] AS BIGINT) AS emotional_90d,
    CAST(r['events_night_90d'] AS BIGINT) AS events_night_90d,
    CAST(r['events_morning_90d'] AS BIGINT) AS events_morning_90d,
    CAST(r['events_afternoon_90d'] AS BIGINT) AS events_afternoon_90d,
    CAST(r['events_evening_90d'] AS BIGINT) AS events_evening_90d,
    CAST(r['preferred_day_part'] AS TEXT) AS preferred_day_part,
    CAST(r['inactivity_days'] AS BIGINT) AS inactivity_days,
    CAST(r['last_touch_day'] AS DATE) AS last_touch_day,
    CAST(r['touches_7d'] AS BIGINT) AS touches_7d,
    CAST(r['touches_30d'] AS BIGINT) AS touches_30d,
    CAST(r['campaign_exposures_90d'] AS BIGINT) AS campaign_exposures_90d,
    CAST(r['recalls_90d'] AS BIGINT) AS recalls_90d,
    CAST(r['unsubscribes_30d'] AS BIGINT) AS unsubscribes_30d,
    CAST(r['can_contact'] AS BOOLEAN) AS can_contact,
    CAST(r['registered_day'] AS DATE) AS registered_day,
    CAST(r['days_since_registration'] AS BIGINT) AS days_since_registration,
    CAST(r['acquisition_cost'] AS NUMERIC(18, 2)) AS acquisition_cost,
    CAST(r['ltv_historical'] AS NUMERIC(18, 2)) AS ltv_historical,
    CAST(r['ltv_to_cac'] AS DOUBLE PRECISION) AS ltv_to_cac,
    CAST(r['r_score'] AS BIGINT) AS r_score,
    CAST(r['f_score'] AS BIGINT) AS f_score,
    CAST(r['m_score'] AS BIGINT) AS m_score,
    CAST(r['rfm_total'] AS BIGINT) AS rfm_total,
    CAST(r['value_tier'] AS TEXT) AS value_tier,
    CAST(r['value_tier_raw'] AS TEXT) AS value_tier_raw,
    CAST(r['value_tier_since'] AS DATE) AS value_tier_since,
    CAST(r['value_tier_pending_since'] AS DATE) AS value_tier_pending_since,
    CAST(r['falling_warning'] AS BOOLEAN) AS falling_warning,
    CAST(r['falling_warning_since'] AS DATE) AS falling_warning_since,
    CAST(r['rfm_class'] AS TEXT) AS rfm_class,
    CAST(r['rfm_class_raw'] AS TEXT) AS rfm_class_raw,
    CAST(r['rfm_class_since'] AS DATE) AS rfm_class_since,
    CAST(r['rfm_class_pending'] AS TEXT) AS rfm_class_pending,
    CAST(r['rfm_class_pending_since'] AS DATE) AS rfm_class_pending_since,
    CAST(r['lifecycle_stage'] AS TEXT) AS lifecycle_stage,
    CAST(r['lifecycle_stage_since'] AS DATE) AS lifecycle_stage_since,
    CAST(r['customer_layer'] AS TEXT) AS customer_layer,
    CAST(r['customer_layer_since'] AS DATE) AS customer_layer_since,
    CAST(r['interaction_depth'] AS TEXT) AS interaction_depth,
    CAST(r['interaction_depth_since'] AS DATE) AS interaction_depth_since,
    CAST(r['engagement_style'] AS TEXT) AS engagement_style,
    CAST(r['engagement_style_since'] AS DATE) AS engagement_style_since,
    CAST(r['participation_level'] AS TEXT) AS participation_level,
    CAST(r['participation_level_since'] AS DATE) AS participation_level_since,
    CAST(r['participation_rate_90d'] AS DOUBLE PRECISION) AS participation_rate_90d,
    CAST(r['need_type'] AS TEXT) AS need_type,
    CAST(r['need_type_since'] AS DATE) AS need_type_since,
    CAST(r['price_sensitivity'] AS TEXT) AS price_sensitivity,
    CAST(r['price_sensitivity_since'] AS DATE) AS price_sensitivity_since,
    CAST(r['value_engagement'] AS TEXT) AS value_engagement,
    CAST(r['value_engagement_raw'] AS TEXT) AS value_engagement_raw,
    CAST(r['value_engagement_since'] AS DATE) AS value_engagement_since,
    CAST(r['value_engagement_pending'] AS TEXT) AS value_engagement_pending,
    CAST(r['value_engagement_pending_since'] AS DATE) AS value_engagement_pending_since,
    CAST(r['silent_warning'] AS BOOLEAN) AS silent_warning,
    CAST(r['silent_warning_since'] AS DATE) AS silent_warning_since,
    CAST(r['decline_warning'] AS BOOLEAN) AS decline_warning,
    CAST(r['decline_warning_since'] AS DATE) AS decline_warning_since,
    CAST(r['peak_order'] AS BOOLEAN) AS peak_order,
    CAST(r['peak_order_since'] AS DATE) AS peak_order_since,
    CAST(r['spend_warning'] AS BOOLEAN) AS spend_warning,
    CAST(r['spend_warning_since'] AS DATE) AS spend_warning_since,
    CAST(r['overdue_warning'] AS BOOLEAN) AS overdue_warning,
    CAST(r['overdue_warning_since'] AS DATE) AS overdue_warning_since,
    CAST(r['fatigue_warning'] AS BOOLEAN) AS fatigue_warning,
    CAST(r['fatigue_warning_since'] AS DATE) AS fatigue_warning_since,
    CAST(r['low_ltv_to_cac'] AS BOOLEAN) AS low_ltv_to_cac,
    CAST(r['low_ltv_to_cac_since'] AS DATE) AS low_ltv_to_cac_since,
    CAST(r['cutpoints_id'] AS TEXT) AS cutpoints_id,
    CAST(r['run_id'] AS TEXT) AS run_id
FROM delta_scan('s3://your-bucket/tierline/tables/tier_current') AS r;

CREATE OR REPLACE VIEW tier_migration AS
SELECT
    CAST(r['snapshot_date'] AS DATE) AS snapshot_date,
    CAST(r['previous_snapshot_date'] AS DATE) AS previous_snapshot_date,
    CAST(r['user_id'] AS TEXT) AS user_id,
    CAST(r['dimension'] AS TEXT) AS dimension,
    CAST(r['from_tier'] AS TEXT) AS from_tier,
    CAST(r['to_tier'] AS TEXT) AS to_tier,
    CAST(r['direction'] AS TEXT) AS direction,
    CAST(r['days_in_previous_tier'] AS BIGINT) AS days_in_previous_tier
FROM delta_scan('s3://your-bucket/tierline/tables/tier_migration') AS r;

CREATE OR REPLACE VIEW tier_migration_matrix AS
SELECT
    CAST(r['snapshot_date'] AS DATE) AS snapshot_date,
    CAST(r['period'] AS TEXT) AS period,
    CAST(r['previous_snapshot_date'] AS DATE) AS previous_snapshot_date,
    CAST(r['dimension'] AS TEXT) AS dimension,
    CAST(r['from_tier'] AS TEXT) AS from_tier,
    CAST(r['to_tier'] AS TEXT) AS to_tier,
    CAST(r['users'] AS BIGINT) AS users,
    CAST(r['revenue_365d'] AS NUMERIC(38, 2)) AS revenue_365d
FROM delta_scan('s3://your-bucket/tierline/tables/tier_migration_matrix') AS r;

CREATE OR REPLACE VIEW tier_snapshot AS
SELECT
    CAST(r['snapshot_date'] AS DATE) AS snapshot_date,
    CAST(r['user_id'] AS TEXT) AS user_id,
    CAST(r['orders_lifetime'] AS BIGINT) AS orders_lifetime,
    CAST(r['revenue_lifetime'] AS NUMERIC(18, 2)) AS revenue_lifetime,
    CAST(r['first_order_day'] AS DATE) AS first_order_day,
    CAST(r['last_order_day'] AS DATE) AS last_order_day,
    CAST(r['largest_order_lifetime'] AS NUMERIC(18, 2)) AS largest_order_lifetime,
    CAST(r['orders_365d'] AS BIGINT) AS orders_365d,
    CAST(r['revenue_365d'] AS NUMERIC(18, 2)) AS revenue_365d,
    CAST(r['orders_30d'] AS BIGINT) AS orders_30d,
    CAST(r['revenue_30d'] AS NUMERIC(18, 2)) AS revenue_30d,
    CAST(r['orders_7d'] AS BIGINT) AS orders_7d,
    CAST(r['revenue_60d'] AS NUMERIC(18, 2)) AS revenue_60d,
    CAST(r['revenue_prev_60d'] AS NUMERIC(18, 2)) AS revenue_prev_60d,
    CAST(r['average_order_value_365d'] AS NUMERIC(18, 2)) AS average_order_value_365d,
    CAST(r['discount_known_orders_365d'] AS BIGINT) AS discount_known_orders_365d,
    CAST(r['discounted_orders_365d'] AS BIGINT) AS discounted_orders_365d,
    CAST(r['discount_depth_365d'] AS DOUBLE PRECISION) AS discount_depth_365d,
    CAST(r['largest_order_1d'] AS NUMERIC(18, 2)) AS largest_order_1d,
    CAST(r['largest_order_before_today'] AS NUMERIC(18, 2)) AS largest_order_before_today,
    CAST(r['recency_days'] AS BIGINT) AS recency_days,
    CAST(r['order_gap_days'] AS DOUBLE PRECISION) AS order_gap_days,
    CAST(r['last_order_channel'] AS TEXT) AS last_order_channel,
    CAST(r['last_order_category'] AS TEXT) AS last_order_category,
    CAST(r['first_event_day'] AS DATE) AS first_event_day,
    CAST(r['last_event_day'] AS DATE) AS last_event_day,
    CAST(r['last_interaction_day'] AS DATE) AS last_interaction_day,
    CAST(r['events_lifetime'] AS BIGINT) AS events_lifetime,
    CAST(r['interactions_lifetime'] AS BIGINT) AS interactions_lifetime,
    CAST(r['interactions_7d'] AS BIGINT) AS interactions_7d,
    CAST(r['interactions_30d'] AS BIGINT) AS interactions_30d,
    CAST(r['interactions_prev_30d'] AS BIGINT) AS interactions_prev_30d,
    CAST(r['opens_15d'] AS BIGINT) AS opens_15d,
    CAST(r['opens_30d'] AS BIGINT) AS opens_30d,
    CAST(r['opens_d0'] AS BIGINT) AS opens_d0,
    CAST(r['opens_d1'] AS BIGINT) AS opens_d1,
    CAST(r['opens_d2'] AS BIGINT) AS opens_d2,
    CAST(r['opens_d3'] AS BIGINT) AS opens_d3,
    CAST(r['posts_30d'] AS BIGINT) AS posts_30d,
    CAST(r['posts_prev_30d'] AS BIGINT) AS posts_prev_30d,
    CAST(r['campaign_joins_90d'] AS BIGINT) AS campaign_joins_90d,
    CAST(r['surveys_90d'] AS BIGINT) AS surveys_90d,
    CAST(r['posts_90d'] AS BIGINT) AS posts_90d,
    CAST(r['saves_30d'] AS BIGINT) AS saves_30d,
    CAST(r['last_save_day'] AS DATE) AS last_save_day,
    CAST(r['complaints_d0'] AS BIGINT) AS complaints_d0,
    CAST(r['complaints_d1'] AS BIGINT) AS complaints_d1,
    CAST(r['complaints_30d'] AS BIGINT) AS complaints_30d,
    CAST(r['last_complaint_day'] AS DATE) AS last_complaint_day,
    CAST(r['last_content_id'] AS TEXT) AS last_content_id,
    CAST(r['watch_seconds_30d'] AS BIGINT) AS watch_seconds_30d,
    CAST(r['reader_30d'] AS BIGINT) AS reader_30d,
    CAST(r['liker_30d'] AS BIGINT) AS liker_30d,
    CAST(r['commenter_30d'] AS BIGINT) AS commenter_30d,
    CAST(r['sharer_30d'] AS BIGINT) AS sharer_30d,
    CAST(r['functional_90d'] AS BIGINT) AS functional_90d,
    CAST(r['social_90d'] AS BIGINT) AS social_90d,
    CAST(r['emotional_90d'] AS BIGINT) AS emotional_90d,
    CAST(r['events_night_90d'] AS BIGINT) AS events_night_90d,
    CAST(r['events_morning_90d'] AS BIGINT) AS events_morning_90d,
    CAST(r['events_afternoon_90d'] AS BIGINT) AS events_afternoon_90d,
    CAST(r['events_evening_90d'] AS BIGINT) AS events_evening_90d,
    CAST(r['preferred_day_part'] AS TEXT) AS preferred_day_part,
    CAST(r['inactivity_days'] AS BIGINT) AS inactivity_days,
    CAST(r['last_touch_day'] AS DATE) AS last_touch_day,
    CAST(r['touches_7d'] AS BIGINT) AS touches_7d,
    CAST(r['touches_30d'] AS BIGINT) AS touches_30d,
    CAST(r['campaign_exposures_90d'] AS BIGINT) AS campaign_exposures_90d,
    CAST(r['recalls_90d'] AS BIGINT) AS recalls_90d,
    CAST(r['unsubscribes_30d'] AS BIGINT) AS unsubscribes_30d,
    CAST(r['can_contact'] AS BOOLEAN) AS can_contact,
    CAST(r['registered_day'] AS DATE) AS registered_day,
    CAST(r['days_since_registration'] AS BIGINT) AS days_since_registration,
    CAST(r['acquisition_cost'] AS NUMERIC(18, 2)) AS acquisition_cost,
    CAST(r['ltv_historical'] AS NUMERIC(18, 2)) AS ltv_historical,
    CAST(r['ltv_to_cac'] AS DOUBLE PRECISION) AS ltv_to_cac,
    CAST(r['r_score'] AS BIGINT) AS r_score,
    CAST(r['f_score'] AS BIGINT) AS f_score,
    CAST(r['m_score'] AS BIGINT) AS m_score,
    CAST(r['rfm_total'] AS BIGINT) AS rfm_total,
    CAST(r['value_tier'] AS TEXT) AS value_tier,
    CAST(r['value_tier_raw'] AS TEXT) AS value_tier_raw,
    CAST(r['value_tier_since'] AS DATE) AS value_tier_since,
    CAST(r['value_tier_pending_since'] AS DATE) AS value_tier_pending_since,
    CAST(r['falling_warning'] AS BOOLEAN) AS falling_warning,
    CAST(r['falling_warning_since'] AS DATE) AS falling_warning_since,
    CAST(r['rfm_class'] AS TEXT) AS rfm_class,
    CAST(r['rfm_class_raw'] AS TEXT) AS rfm_class_raw,
    CAST(r['rfm_class_since'] AS DATE) AS rfm_class_since,
    CAST(r['rfm_class_pending'] AS TEXT) AS rfm_class_pending,
    CAST(r['rfm_class_pending_since'] AS DATE) AS rfm_class_pending_since,
    CAST(r['lifecycle_stage'] AS TEXT) AS lifecycle_stage,
    CAST(r['lifecycle_stage_since'] AS DATE) AS lifecycle_stage_since,
    CAST(r['customer_layer'] AS TEXT) AS customer_layer,
    CAST(r['customer_layer_since'] AS DATE) AS customer_layer_since,
    CAST(r['interaction_depth'] AS TEXT) AS interaction_depth,
    CAST(r['interaction_depth_since'] AS DATE) AS interaction_depth_since,
    CAST(r['engagement_style'] AS TEXT) AS engagement_style,
    CAST(r['engagement_style_since'] AS DATE) AS engagement_style_since,
    CAST(r['participation_level'] AS TEXT) AS participation_level,
    CAST(r['participation_level_since'] AS DATE) AS participation_level_since,
    CAST(r['participation_rate_90d'] AS DOUBLE PRECISION) AS participation_rate_90d,
    CAST(r['need_type'] AS TEXT) AS need_type,
    CAST(r['need_type_since'] AS DATE) AS need_type_since,
    CAST(r['price_sensitivity'] AS TEXT) AS price_sensitivity,
    CAST(r['price_sensitivity_since'] AS DATE) AS price_sensitivity_since,
    CAST(r['value_engagement'] AS TEXT) AS value_engagement,
    CAST(r['value_engagement_raw'] AS TEXT) AS value_engagement_raw,
    CAST(r['value_engagement_since'] AS DATE) AS value_engagement_since,
    CAST(r['value_engagement_pending'] AS TEXT) AS value_engagement_pending,
    CAST(r['value_engagement_pending_since'] AS DATE) AS value_engagement_pending_since,
    CAST(r['silent_warning'] AS BOOLEAN) AS silent_warning,
    CAST(r['silent_warning_since'] AS DATE) AS silent_warning_since,
    CAST(r['decline_warning'] AS BOOLEAN) AS decline_warning,
    CAST(r['decline_warning_since'] AS DATE) AS decline_warning_since,
    CAST(r['peak_order'] AS BOOLEAN) AS peak_order,
    CAST(r['peak_order_since'] AS DATE) AS peak_order_since,
    CAST(r['spend_warning'] AS BOOLEAN) AS spend_warning,
    CAST(r['spend_warning_since'] AS DATE) AS spend_warning_since,
    CAST(r['overdue_warning'] AS BOOLEAN) AS overdue_warning,
    CAST(r['overdue_warning_since'] AS DATE) AS overdue_warning_since,
    CAST(r['fatigue_warning'] AS BOOLEAN) AS fatigue_warning,
    CAST(r['fatigue_warning_since'] AS DATE) AS fatigue_warning_since,
    CAST(r['low_ltv_to_cac'] AS BOOLEAN) AS low_ltv_to_cac,
    CAST(r['low_ltv_to_cac_since'] AS DATE) AS low_ltv_to_cac_since,
    CAST(r['cutpoints_id'] AS TEXT) AS cutpoints_id,
    CAST(r['run_id'] AS TEXT) AS run_id
FROM delta_scan('s3://your-bucket/tierline/tables/tier_snapshot') AS r;

CREATE OR REPLACE VIEW tier_summary AS
SELECT
    CAST(r['snapshot_date'] AS DATE) AS snapshot_date,
    CAST(r['dimension'] AS TEXT) AS dimension,
    CAST(r['tier'] AS TEXT) AS tier,
    CAST(r['users'] AS BIGINT) AS users,
    CAST(r['share'] AS DOUBLE PRECISION) AS share,
    CAST(r['revenue_365d'] AS NUMERIC(38, 2)) AS revenue_365d,
    CAST(r['revenue_share'] AS DOUBLE PRECISION) AS revenue_share,
    CAST(r['orders_365d'] AS BIGINT) AS orders_365d,
    CAST(r['average_order_value'] AS DOUBLE PRECISION) AS average_order_value,
    CAST(r['average_interactions_30d'] AS DOUBLE PRECISION) AS average_interactions_30d,
    CAST(r['entered'] AS BIGINT) AS entered,
    CAST(r['left_tier'] AS BIGINT) AS left_tier,
    CAST(r['net_change'] AS BIGINT) AS net_change
FROM delta_scan('s3://your-bucket/tierline/tables/tier_summary') AS r;

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
SELECT CAST(GENERATE_SERIES(MIN(snapshot_date), MAX(snapshot_date), INTERVAL '1 day') AS DATE) AS snapshot_date
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
