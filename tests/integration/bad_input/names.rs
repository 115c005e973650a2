//! SQL that names what is not there, reads against the flow, or mixes types.

use super::project::Project;

const DEPTH: &str = "sql/tiers/interaction_depth.sql";
const PURCHASES: &str = "sql/rollups/purchases.sql";

#[test]
fn unknown_table_suggests_the_nearest() {
    let project = Project::new()
        .edit(DEPTH, "FROM features.users", "FROM features.usrs")
        .edit("sql/tiers/rfm_class.sql", "FROM tiers.rfm", "FROM tier.rfm")
        .edit(
            "sql/tiers/lifecycle_stage.sql",
            "FROM features.users",
            "FROM users",
        );
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: unknown table: `users` is not a full table name; write folder and name, such as features.users
     --> sql/tiers/lifecycle_stage.sql:7:10
      |
    7 |     FROM users
      |          ^^^^^

    error: unknown table: `tier` is not a folder of tables
      --> sql/tiers/rfm_class.sql:15:6
       |
    15 | FROM tier.rfm
       |      ^^^^^^^^
       |
       = help: did you mean `tiers`?

    error: model `tiers.interaction_depth` reads unknown table `features.usrs`; did you mean `features.users`?
      --> sql/tiers/interaction_depth.sql:10:6
       |
    10 | FROM features.usrs
       |      ^^^^^^^^^^^^^

    3 problems
    ");
}

/// No night would compute it, and nobody would miss the KPIs before they were asked for.
#[test]
fn file_in_publish_that_is_no_published_table_suggests_the_nearest() {
    let kpis = std::fs::read_to_string(Project::new().path("sql/publish/kpi_daily.sql")).unwrap();
    let project = Project::new().write("sql/publish/kpis_daily.sql", &kpis);
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: `publish.kpis_daily` is not a table that tierline publishes; did you mean `kpi_daily`?
     --> sql/publish/kpis_daily.sql:1:1
      |
    1 | -- One number per metric and night. Tiers are the shown ones. A quotient of nothing is NULL. Money
      | ^
      |
      = help: publish/ holds tier_snapshot.sql, dim_tier.sql, kpi_daily.sql, alerts.sql, actions.sql, dim_metric.sql; what they read belongs in features or tiers, and a table of your own is declared in the job as [tables.kpis_daily] with its key
    ");
    let night = ["job.toml", "--date", "2026-03-06"];
    for command in ["plan", "run"] {
        let said = project.said(&project.call(&[&[command], &night[..]].concat()));
        assert_eq!(said, project.check(), "{command}");
    }
}

#[test]
fn columns_that_no_reader_opens_are_told_beside_all_other_problems() {
    let audit = "-- Nobody spends nothing.\nSELECT user_idd\nFROM publish.tier_snapshot\n";
    let project = Project::new()
        .edit(
            "sql/publish/tier_snapshot.sql",
            "    -- interaction\n",
            "    1 AS \"Shouty\",\n",
        )
        .edit(
            "sql/publish/kpi_daily.sql",
            "metrics.metric,  ",
            "metrics.metric, 1 AS \"Loud\",  ",
        )
        .write("sql/audits/nobody_spends_nothing.sql", audit)
        .edit(
            "job.toml",
            "output = \"output\"",
            "output = \"ftp://host/output\"",
        );
    insta::assert_snapshot!(project.check(), @r#"
    exit code 2

    error: unknown column `user_idd`
     --> sql/audits/nobody_spends_nothing.sql:2:8
      |
    2 | SELECT user_idd
      |        ^^^^^^^^
      |
      = help: did you mean `user_id`?

    error: cannot open `ftp://host/output`; use file:///path, s3://bucket/path or a path relative to the job file: Generic URL error: Unable to recognise URL "ftp://host/output"

    error: table `tier_snapshot`: column name `Shouty` is refused; start with a letter and use only lower-case letters, digits and underscores

    error: table `kpi_daily`: column name `Loud` is refused; start with a letter and use only lower-case letters, digits and underscores

    note: not checked until the problems above are fixed: `publish.alerts`

    4 problems
    "#);
}

#[test]
fn unknown_column_suggests_the_nearest() {
    let project = Project::new()
        .edit(DEPTH, "WHEN interactions_30d", "WHEN interaction_30d")
        .edit(
            "sql/tiers/rfm_class.sql",
            "FROM tiers.rfm",
            "FROM tiers.rfm AS scores",
        )
        .edit(
            "sql/tiers/rfm_class.sql",
            "rfm_total IS",
            "rfm.rfm_total IS",
        );
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: unknown column `interaction_30d`
     --> sql/tiers/interaction_depth.sql:7:14
      |
    7 |         WHEN interaction_30d >= 1 THEN 'occasional'
      |              ^^^^^^^^^^^^^^^
      |
      = help: did you mean `interactions_30d`?

    error: unknown column `rfm.rfm_total`
     --> sql/tiers/rfm_class.sql:5:14
      |
    5 |         WHEN rfm.rfm_total IS NULL THEN 'unscored'
      |              ^^^^^^^^^^^^^
      |
      = help: did you mean `scores.rfm_total`?

    note: not checked until the problems above are fixed: `tiers.value_engagement`, `publish.tier_snapshot`, `audits.first_order_before_last`, `audits.revenue_of_users_reconciles`, `audits.users_of_the_day`

    2 problems
    ");
}

#[test]
fn unknown_parameter_suggests_the_nearest() {
    let project = Project::new().edit(DEPTH, "$deep_interactions_7d", "$deep_interactions");
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: unknown parameter `$deep_interactions`; did you mean `$deep_interactions_7d`?
     --> sql/tiers/interaction_depth.sql:5:33
      |
    5 |         WHEN interactions_7d >= $deep_interactions THEN 'deep'
      |                                 ^^^^^^^^^^^^^^^^^^
      |
      = help: parameters are declared, with their defaults, in parameters.toml of the SQL pack

    note: not checked until the problems above are fixed: `tiers.value_engagement`, `publish.tier_snapshot`, `audits.first_order_before_last`, `audits.revenue_of_users_reconciles`, `audits.users_of_the_day`
    ");
}

#[test]
fn unknown_function_suggests_the_nearest() {
    let sql = "SELECT user_id, lowr(rfm_class) AS label FROM tiers.rfm_class";
    let project = Project::new().write("sql/tiers/label.sql", sql);
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: unknown function `lowr`
     --> sql/tiers/label.sql:1:17
      |
    1 | SELECT user_id, lowr(rfm_class) AS label FROM tiers.rfm_class
      |                 ^^^^
      |
      = help: did you mean `lower`?
    ");
}

#[test]
fn windows_are_checked_one_by_one() {
    let call = "windows('rollups.purchases', '30days', 'lifetime', 'lifetime')";
    let unknown = "windows('rollups.purchase', '30d')";
    let project = Project::new()
        .write(
            "sql/features/a.sql",
            &format!("SELECT user_id\nFROM {call}"),
        )
        .write(
            "sql/features/c.sql",
            "SELECT user_id\nFROM windows('rollups.purchases')",
        );
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: windows() needs a rollup and at least one window
     --> sql/features/c.sql:2:6
      |
    2 | FROM windows('rollups.purchases')
      |      ^^^^^^^
      |
      = help: write windows('rollups.<name>', '30d', 'lifetime', ...): the rollup, then at least one window, all quoted

    error: unknown window `30days`
     --> sql/features/a.sql:2:36
      |
    2 | FROM windows('rollups.purchases', '30days', 'lifetime', 'lifetime')
      |                                    ^^^^^^
      |
      = help: windows are '30d', 'prev_30d', 'lifetime', 'before_today', and single days 'd0', 'd1', ...

    error: window `lifetime` is named twice
     --> sql/features/a.sql:2:58
      |
    2 | FROM windows('rollups.purchases', '30days', 'lifetime', 'lifetime')
      |                                                          ^^^^^^^^
      |
      = help: name each window once

    3 problems
    ");

    let project = Project::new().write(
        "sql/features/b.sql",
        &format!("SELECT user_id\nFROM {unknown}"),
    );
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: model `features.b` reads unknown table `rollups.purchase`; did you mean `rollups.purchases`?
     --> sql/features/b.sql:2:15
      |
    2 | FROM windows('rollups.purchase', '30d')
      |               ^^^^^^^^^^^^^^^^
    ");
}

#[test]
fn types_that_do_not_fit_are_named_as_sql_has_them() {
    let select = |expression: &str| {
        format!("SELECT\n    user_id,\n    {expression} AS x\nFROM tiers.rfm_class")
    };
    let project = Project::new()
        .write("sql/tiers/a.sql", &select("rfm_class + DATE '2026-01-01'"))
        .write("sql/tiers/b.sql", &select("NOT rfm_class"))
        .write("sql/tiers/c.sql", &select("SUM(rfm_class) OVER ()"))
        .write("sql/tiers/d.sql", &select("user_id LIKE 3"))
        .write("sql/tiers/e.sql", &select("CAST(user_id AS NUMBR)"))
        .write("sql/tiers/f.sql", "SELECT user_id, user_id FROM tiers.rfm");
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: two columns are named `user_id`
     --> sql/tiers/f.sql:1:8
      |
    1 | SELECT user_id, user_id FROM tiers.rfm
      |        ^^^^^^^
      |
      = help: give one of them another name with AS

    error: cannot compute VARCHAR + DATE
     --> sql/tiers/a.sql:3:5
      |
    3 |     rfm_class + DATE '2026-01-01' AS x
      |     ^^^^^^^^^
      |
      = help: CAST one side to the type of the other

    error: NOT cannot be used with VARCHAR
     --> sql/tiers/b.sql:3:9
      |
    3 |     NOT rfm_class AS x
      |         ^^^^^^^^^
      |
      = help: perhaps you need to cast tiers.rfm_class.rfm_class

    error: `sum` does not take these arguments: sum(VARCHAR)
     --> sql/tiers/c.sql:3:5
      |
    3 |     SUM(rfm_class) OVER () AS x
      |     ^^^
      |
      = help: CAST them to what it takes: sum(Decimal), sum(BIGINT UNSIGNED), sum(BIGINT), sum(DOUBLE), sum(Duration), sum(Interval)

    error: there isn't a common type to coerce BIGINT and BIGINT in LIKE expression
     --> sql/tiers/d.sql:3:5
      |
    3 |     user_id LIKE 3 AS x
      |     ^^^^^^^^^^^^^^

    error: unknown type `NUMBR`
     --> sql/tiers/e.sql:3:21
      |
    3 |     CAST(user_id AS NUMBR) AS x
      |                     ^^^^^
      |
      = help: types are BIGINT, VARCHAR, DECIMAL(p, s), DOUBLE, BOOLEAN, DATE, TIMESTAMP and more

    6 problems
    ");
}

#[test]
fn text_that_is_no_number_is_found_before_a_run() {
    let project = Project::new()
        .append("job.toml", "\n[params]\ndeep_interactions_7d = \"three\"\n")
        .edit(
            "sql/tiers/lifecycle_stage.sql",
            "orders_lifetime = 0",
            "orders_lifetime = 'none'",
        );
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: `$deep_interactions_7d` is 'three', where a BIGINT is needed
     --> sql/tiers/interaction_depth.sql:5:33
      |
    5 |         WHEN interactions_7d >= $deep_interactions_7d THEN 'deep'
      |                                 ^^^^^^^^^^^^^^^^^^^^^
      |
      = help: set deep_interactions_7d to a value of type BIGINT under [params] in the job, or in parameters.toml

    error: 'none' is compared with a BIGINT
      --> sql/tiers/lifecycle_stage.sql:13:32
       |
    13 |         WHEN orders_lifetime = 'none' THEN 'prospect'
       |                                ^^^^^^
       |
       = help: CAST the other side, or correct the value

    note: not checked until the problems above are fixed: `tiers.value_engagement`, `tiers.warnings`, `publish.tier_snapshot`, `audits.first_order_before_last`, `audits.revenue_of_users_reconciles`, `audits.users_of_the_day`

    2 problems
    ");
}

#[test]
fn rollup_refuses_what_does_not_merge() {
    let project = Project::new()
        .edit(
            PURCHASES,
            "SUM(amount) FILTER (WHERE is_counting OR is_refund)",
            "MEDIAN(amount)",
        )
        .edit(
            PURCHASES,
            "MAX(amount) FILTER (WHERE is_counting)",
            "COALESCE(MAX(amount), 0)",
        )
        .edit(
            "sql/rollups/interactions.sql",
            "    COUNT(*) FILTER (WHERE NOT is_touch) AS events,",
            "    ARRAY_AGG(content_id) AS contents,\n    COUNT(*) FILTER (WHERE NOT is_touch) AS events,",
        );
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: ARRAY_AGG keeps every row of a user, so that tiles would be as large as the sources
     --> sql/rollups/interactions.sql:6:5
      |
    6 |     ARRAY_AGG(content_id) AS contents,
      |     ^^^^^^^^^^^^^^^^^^^^
      |
      = help: write last_n_distinct(x, 3 ORDER BY ..., x) for the last few values, or move it to a feature model, which may read staging directly

    error: MEDIAN does not merge from day to day
     --> sql/rollups/purchases.sql:5:5
      |
    5 |     MEDIAN(amount) AS revenue,         -- what was paid for them, less refunds
      |     ^^^^^^^^^^^^^
      |
      = help: rollups may use COUNT, SUM, MIN, MAX, AVG, VAR, VAR_POP, STDDEV, STDDEV_POP, BOOL_AND, BOOL_OR, BIT_AND, BIT_OR, BIT_XOR, COUNT(DISTINCT x), APPROX_DISTINCT, and with an ORDER BY that decides FIRST_VALUE, LAST_VALUE and last_n_distinct; move others to a feature model, which may read staging directly

    error: a rollup column must be one aggregate, without anything around it
     --> sql/rollups/purchases.sql:8:5
      |
    8 |     COALESCE(MAX(amount), 0) AS largest_order,                -- the largest amount of one
      |     ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: select the aggregates one by one and compute with them in a feature model

    note: not checked until the problems above are fixed: `features.complaints`, `features.interactions`, `features.purchases`, `features.users`, `features.profile`, `calibration.rfm`, `tiers.customer_layer`, `tiers.engagement_style`, `tiers.interaction_depth`, `tiers.lifecycle_stage`, `tiers.lifetime_value`, `tiers.need_type`, `tiers.participation_level`, `tiers.price_sensitivity`, `tiers.rfm`, `tiers.rfm_class`, `tiers.value_engagement`, `tiers.value_tier`, `tiers.warnings`, `publish.tier_snapshot`, `audits.revenue_of_the_day_reconciles`, `audits.first_order_before_last`, `audits.revenue_of_users_reconciles`, `audits.users_of_the_day`

    3 problems
    ");
}

#[test]
fn rollup_refuses_what_depends_on_the_order_of_rows() {
    let project = Project::new()
        .edit(
            PURCHASES,
            "SUM(amount) FILTER (WHERE is_counting OR is_refund)",
            "SUM(CAST(amount AS DOUBLE)) FILTER (WHERE is_counting)",
        )
        .edit(
            "sql/rollups/interactions.sql",
            "    COUNT(*) FILTER (WHERE NOT is_touch) AS events,",
            "    LAST_VALUE(channel ORDER BY occurred_at) AS channel,\n    FIRST_VALUE(channel) FILTER (WHERE is_active) AS active_channel,\n    AVG(CAST(duration_seconds AS DOUBLE) / 60) AS minutes,\n    LAST_VALUE(channel ORDER BY day, occurred_at, channel) AS right_channel,\n    SUM(CAST(duration_seconds AS DECIMAL(30, 2))) AS seconds,\n    COUNT(*) FILTER (WHERE NOT is_touch) AS events,",
        );
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: this LAST_VALUE leaves it to chance which of several rows counts
     --> sql/rollups/interactions.sql:6:5
      |
    6 |     LAST_VALUE(channel ORDER BY occurred_at) AS channel,
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write LAST_VALUE(channel ORDER BY occurred_at, channel): a tie-breaker last, the value itself or an id, so that rows of the same time have an order

    error: this FIRST_VALUE leaves it to chance which of several rows counts
     --> sql/rollups/interactions.sql:7:5
      |
    7 |     FIRST_VALUE(channel) FILTER (WHERE is_active) AS active_channel,
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write FIRST_VALUE(channel ORDER BY ..., channel): a tie-breaker last, the value itself or an id, so that rows of the same time have an order

    error: AVG of DOUBLE depends on the order of rows
     --> sql/rollups/interactions.sql:8:5
      |
    8 |     AVG(CAST(duration_seconds AS DOUBLE) / 60) AS minutes,
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write AVG(CAST(... AS DECIMAL(18, 2))), with as many digits as you need

    error: a SUM of DECIMAL(30, 2) may outgrow 38 digits
      --> sql/rollups/interactions.sql:10:5
       |
    10 |     SUM(CAST(duration_seconds AS DECIMAL(30, 2))) AS seconds,
       |     ^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: write SUM(CAST(... AS DECIMAL(28, 2)))

    error: SUM of DOUBLE depends on the order of rows
     --> sql/rollups/purchases.sql:5:5
      |
    5 |     SUM(CAST(amount AS DOUBLE)) FILTER (WHERE is_counting) AS revenue,         -- what was paid for them, less refunds
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write SUM(CAST(... AS DECIMAL(18, 2))), with as many digits as you need

    note: not checked until the problems above are fixed: `features.complaints`, `features.interactions`, `features.purchases`, `features.users`, `features.profile`, `calibration.rfm`, `tiers.customer_layer`, `tiers.engagement_style`, `tiers.interaction_depth`, `tiers.lifecycle_stage`, `tiers.lifetime_value`, `tiers.need_type`, `tiers.participation_level`, `tiers.price_sensitivity`, `tiers.rfm`, `tiers.rfm_class`, `tiers.value_engagement`, `tiers.value_tier`, `tiers.warnings`, `publish.tier_snapshot`, `audits.revenue_of_the_day_reconciles`, `audits.first_order_before_last`, `audits.revenue_of_users_reconciles`, `audits.users_of_the_day`

    5 problems
    ");
}

#[test]
fn outer_joins_using_a_column_are_refused_where_it_would_be_another() {
    let project = Project::new()
        .write(
            "sql/features/full.sql",
            "SELECT user_id, p.orders_lifetime\nFROM features.purchases AS p\nFULL JOIN features.interactions AS i USING (user_id)",
        )
        .write(
            "sql/features/left.sql",
            "SELECT *\nFROM features.purchases AS p\nLEFT JOIN (SELECT user_id FROM features.interactions) AS i USING (user_id)",
        )
        .write(
            "sql/features/right.sql",
            "SELECT p.user_id\nFROM features.purchases AS p\nNATURAL RIGHT JOIN features.interactions AS i",
        )
        .write(
            "sql/features/inner.sql",
            "SELECT *\nFROM features.purchases AS p\nINNER JOIN (SELECT user_id FROM features.interactions) AS i USING (user_id)",
        );
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: the column of a FULL or RIGHT JOIN with USING would be NULL where the left side has no row
     --> sql/features/full.sql:3:11
      |
    3 | FULL JOIN features.interactions AS i USING (user_id)
      |           ^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: join ON a.user_id = b.user_id, and select COALESCE(a.user_id, b.user_id) AS user_id, or the side that has it

    error: `*` over a LEFT JOIN with USING may show the right side's column, NULL where it has no row
     --> sql/features/left.sql:3:12
      |
    3 | LEFT JOIN (SELECT user_id FROM features.interactions) AS i USING (user_id)
      |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: join ON a.user_id = b.user_id, and select COALESCE(a.user_id, b.user_id) AS user_id, or the side that has it

    error: the column of a FULL or RIGHT JOIN with USING would be NULL where the left side has no row
     --> sql/features/right.sql:3:20
      |
    3 | NATURAL RIGHT JOIN features.interactions AS i
      |                    ^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: join ON a.user_id = b.user_id, and select COALESCE(a.user_id, b.user_id) AS user_id, or the side that has it

    3 problems
    ");
}

#[test]
fn rollup_groups_one_table_by_user() {
    let project = Project::new().edit(PURCHASES, "GROUP BY user_id", "GROUP BY user_id, channel");
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: `rollups.purchases` does not group by user_id alone
     --> sql/rollups/purchases.sql:2:1
      |
    2 | SELECT
      | ^^^^^^
      |
      = help: a rollup is one SELECT user_id, <aggregates> ... GROUP BY user_id over one staging table; move anything else to a feature model

    note: not checked until the problems above are fixed: `features.purchases`, `features.users`, `features.profile`, `calibration.rfm`, `tiers.customer_layer`, `tiers.engagement_style`, `tiers.interaction_depth`, `tiers.lifecycle_stage`, `tiers.lifetime_value`, `tiers.need_type`, `tiers.participation_level`, `tiers.price_sensitivity`, `tiers.rfm`, `tiers.rfm_class`, `tiers.value_engagement`, `tiers.value_tier`, `tiers.warnings`, `publish.tier_snapshot`, `audits.revenue_of_the_day_reconciles`, `audits.first_order_before_last`, `audits.revenue_of_users_reconciles`, `audits.users_of_the_day`
    ");
}

#[test]
fn the_snapshot_does_not_read_what_was_published_before() {
    let project = Project::new().edit(
        "sql/publish/tier_snapshot.sql",
        "FROM features.users AS users\n",
        "FROM features.users AS users\nLEFT JOIN previous.tier_snapshot AS previous\n    ON users.user_id = previous.user_id\n",
    );
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: `publish.tier_snapshot` cannot read `previous.tier_snapshot`
       --> sql/publish/tier_snapshot.sql:118:11
        |
    118 | LEFT JOIN previous.tier_snapshot AS previous
        |           ^^^^^^^^^^^^^^^^^^^^^^
        |
        = help: it may depend on today's sources only; read what was published before in kpi_daily.sql, alerts.sql, actions.sql, dim_metric.sql or an audit
    ");
}

#[test]
fn data_flows_one_way() {
    let two_tables = "FROM staging.orders\nINNER JOIN staging.users ON TRUE";
    let project = Project::new()
        .write("sql/tiers/a.sql", "SELECT user_id FROM staging.orders")
        .edit(PURCHASES, "FROM staging.orders", two_tables);
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: the rollup reads a second table
      --> sql/rollups/purchases.sql:16:12
       |
    16 | INNER JOIN staging.users ON TRUE
       |            ^^^^^^^^^^^^^
       |
       = help: a rollup is one SELECT ... GROUP BY user_id over one staging table

    error: a model in tiers cannot read `staging.orders`
     --> sql/tiers/a.sql:1:21
      |
    1 | SELECT user_id FROM staging.orders
      |                     ^^^^^^^^^^^^^^
      |
      = help: tiers may read reference, features, tiers

    2 problems
    ");
}

#[test]
fn circle_is_told_from_model_to_model() {
    let project = Project::new()
        .write("sql/tiers/a.sql", "SELECT user_id FROM tiers.b")
        .write("sql/tiers/b.sql", "SELECT user_id FROM tiers.c")
        .write("sql/tiers/c.sql", "SELECT user_id FROM tiers.a");
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: models read each other in a circle: tiers.a -> tiers.b -> tiers.c -> tiers.a
     --> sql/tiers/a.sql:1:21
      |
    1 | SELECT user_id FROM tiers.b
      |                     ^^^^^^^
    ");
}

#[test]
fn problems_of_several_files_are_told_at_once() {
    let project = Project::new()
        .write("sql/audits/unfinished.sql", "SELECT")
        .edit(DEPTH, "interactions_7d >= 1", "interactions_8d >= 1")
        .edit(
            "sql/tiers/lifecycle_stage.sql",
            "$churned_days",
            "$churnd_days",
        )
        .append("job.toml", "\n[params]\nloyal_order = 4\n");
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: the job sets an unknown parameter `loyal_order`; did you mean `loyal_orders`?
      --> job.toml:13:1
       |
    13 | loyal_order = 4
       | ^^^^^^^^^^^
       |
       = help: parameters are declared, with their defaults, in sql/parameters.toml

    error: syntax error: Expected: an expression, found the end of the file
     --> sql/audits/unfinished.sql:1:6
      |
    1 | SELECT
      |      ^

    error: unknown column `interactions_8d`
     --> sql/tiers/interaction_depth.sql:6:14
      |
    6 |         WHEN interactions_8d >= 1 THEN 'moderate'
      |              ^^^^^^^^^^^^^^^
      |
      = help: did you mean `interactions_7d`? For another window, add '8d' to windows(..) in the model of features/ that selects these, and `interactions_8d` to what it selects

    error: unknown parameter `$churnd_days`; did you mean `$churned_days`?
     --> sql/tiers/lifecycle_stage.sql:6:18
      |
    6 |         GREATEST($churnd_days, LEAST($churned_days_most, COALESCE($churned_gaps * order_gap_days, 0))) AS churned_after_days
      |                  ^^^^^^^^^^^^
      |
      = help: parameters are declared, with their defaults, in parameters.toml of the SQL pack

    note: not checked until the problems above are fixed: `tiers.value_engagement`, `tiers.warnings`, `publish.tier_snapshot`, `audits.first_order_before_last`, `audits.revenue_of_users_reconciles`, `audits.users_of_the_day`

    4 problems
    ");

    let project = project.edit("job.toml", "\n[params]\nloyal_order = 4\n", "");
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: syntax error: Expected: an expression, found the end of the file
     --> sql/audits/unfinished.sql:1:6
      |
    1 | SELECT
      |      ^

    error: unknown column `interactions_8d`
     --> sql/tiers/interaction_depth.sql:6:14
      |
    6 |         WHEN interactions_8d >= 1 THEN 'moderate'
      |              ^^^^^^^^^^^^^^^
      |
      = help: did you mean `interactions_7d`? For another window, add '8d' to windows(..) in the model of features/ that selects these, and `interactions_8d` to what it selects

    error: unknown parameter `$churnd_days`; did you mean `$churned_days`?
     --> sql/tiers/lifecycle_stage.sql:6:18
      |
    6 |         GREATEST($churnd_days, LEAST($churned_days_most, COALESCE($churned_gaps * order_gap_days, 0))) AS churned_after_days
      |                  ^^^^^^^^^^^^
      |
      = help: parameters are declared, with their defaults, in parameters.toml of the SQL pack

    note: not checked until the problems above are fixed: `tiers.value_engagement`, `tiers.warnings`, `publish.tier_snapshot`, `audits.first_order_before_last`, `audits.revenue_of_users_reconciles`, `audits.users_of_the_day`

    3 problems
    ");
}
