//! Every help text that `check` prints, applied: what it says to do is done, and `check` finds
//! nothing more. Texts that a run prints about files are applied in the modules about files.

use super::project::{Project, all_hold};

/// A mistake, what the help text says, and what it takes to do that.
pub(super) struct Remedy {
    pub(super) help: &'static str,
    pub(super) broken: &'static [Edit],
    pub(super) mended: &'static [Edit],
}

/// A change of one file of the project.
pub(super) enum Edit {
    /// A text by another, at its first place.
    Replace(&'static str, &'static str, &'static str),
    /// At the end of a file.
    Append(&'static str, &'static str),
    /// A whole file.
    Write(&'static str, &'static str),
    /// No file any more.
    Remove(&'static str),
}

use Edit::{Append, Remove, Replace, Write};

pub(super) fn edited(project: Project, edits: &[Edit]) -> Project {
    edits.iter().fold(project, |project, edit| match *edit {
        Replace(path, from, to) => project.edit(path, from, to),
        Append(path, text) => project.append(path, text),
        Write(path, text) => project.write(path, text),
        Remove(path) => {
            std::fs::remove_file(project.path(path)).unwrap();
            project
        }
    })
}

impl Remedy {
    fn files(&self) -> impl Iterator<Item = &str> {
        let edits = self.broken.iter().chain(self.mended);
        edits.map(|edit| match edit {
            Replace(path, ..) | Append(path, _) | Write(path, _) | Remove(path) => *path,
        })
    }
}

/// What is wrong with remedies of different files, tried one after the other in one project; nothing when
/// each helps. What is mended stays, so that the last check is one of all.
fn failure_of(remedies: &Vec<&Remedy>) -> Option<String> {
    let mut project = Project::new();
    for Remedy {
        help,
        broken,
        mended,
    } in remedies
    {
        project = edited(project, broken);
        let said = project.check();
        if !said.starts_with("exit code 2\n") || !said.contains(help) {
            return Some(format!("`{help}` is not said: {said}"));
        }
        project = edited(project, mended);
    }
    let said = project.check();
    let helps: Vec<&str> = remedies.iter().map(|remedy| remedy.help).collect();
    (!said.starts_with("exit code 0\n")).then(|| format!("after {helps:?}: {said}"))
}

fn try_all(remedies: &[Remedy]) {
    let mut of_different_files: Vec<Vec<&Remedy>> = Vec::new();
    for remedy in remedies {
        let has_none_of_its = |others: &&mut Vec<&Remedy>| {
            let mut files = others.iter().flat_map(|other| other.files());
            !files.any(|file| remedy.files().any(|own| own == file))
        };
        match of_different_files.iter_mut().find(has_none_of_its) {
            Some(others) => others.push(remedy),
            None => of_different_files.push(vec![remedy]),
        }
    }
    all_hold(&of_different_files, failure_of);
}

const JOB: &str = "job.toml";
const ORDERS: &str = "sql/staging/orders.sql";
const USERS: &str = "sql/staging/users.sql";
const USERS_BY_DOUBLES: &str = "\n[sources.users]\nurl = \"data/users\"\nrequired = false\n\n[sources.users.columns]\nuser_id = \"DOUBLE\"\n";
const USERS_BY_NUMBERS: &str = "\n[sources.users]\nurl = \"data/users\"\nrequired = false\n\n[sources.users.columns]\nuser_id = \"BIGINT\"\n";
const PURCHASES: &str = "sql/rollups/purchases.sql";
const ORDERS_COUNTED: &str = "    COUNT(*) FILTER (WHERE is_counting) AS orders,";
const DEPTH: &str = "sql/tiers/interaction_depth.sql";
const CLASS: &str = "sql/tiers/rfm_class.sql";
const SNAPSHOT: &str = "sql/publish/tier_snapshot.sql";
const TIERS: &str = "sql/reference/dim_tier.csv";
const DIM_TIER: &str = "sql/publish/dim_tier.sql";
const DEEP_AGAIN: &str = "UNION ALL SELECT dimension, tier, rank, label_en, label_zh, playbook, playbook_zh FROM reference.dim_tier WHERE tier = 'deep'\n";
const WARNINGS: &str = "sql/tiers/warnings.sql";
const BANDS: &str = "sql/reference/value_tiers.csv";
const LABEL: &str = "sql/tiers/label.sql";

#[test]
fn of_names() {
    try_all(&[
        Remedy {
            help: "did you mean `features.users`?",
            broken: &[Replace(DEPTH, "FROM features.users", "FROM features.usrs")],
            mended: &[Replace(DEPTH, "features.usrs", "features.users")],
        },
        Remedy {
            help: "did you mean `tiers`?",
            broken: &[Replace(CLASS, "FROM tiers.rfm", "FROM tier.rfm")],
            mended: &[Replace(CLASS, "tier.rfm", "tiers.rfm")],
        },
        Remedy {
            help: "write folder and name, such as features.users",
            broken: &[Replace(DEPTH, "FROM features.users", "FROM users")],
            mended: &[Replace(DEPTH, "FROM users", "FROM features.users")],
        },
        Remedy {
            help: "the folders are sources, reference, staging, rollups, features",
            broken: &[Write(
                LABEL,
                "SELECT user_id FROM information_schema.tables\n",
            )],
            mended: &[Write(LABEL, "SELECT user_id FROM features.users\n")],
        },
        Remedy {
            help: "tiers may read reference, features, tiers",
            broken: &[Write(LABEL, "SELECT user_id FROM staging.orders\n")],
            mended: &[Write(LABEL, "SELECT user_id FROM features.purchases\n")],
        },
        Remedy {
            help: "did you mean `interactions_30d`?",
            broken: &[Replace(
                DEPTH,
                "WHEN interactions_30d",
                "WHEN interaction_30d",
            )],
            mended: &[Replace(
                DEPTH,
                "WHEN interaction_30d",
                "WHEN interactions_30d",
            )],
        },
        Remedy {
            help: "did you mean `lower`?",
            broken: &[Write(
                LABEL,
                "SELECT user_id, lowr(rfm_class) AS class_label FROM tiers.rfm_class\n",
            )],
            mended: &[Replace(LABEL, "lowr", "lower")],
        },
        Remedy {
            help: "did you mean `$deep_interactions_7d`?",
            broken: &[Replace(
                DEPTH,
                "$deep_interactions_7d",
                "$deep_interactions",
            )],
            mended: &[Replace(
                DEPTH,
                "$deep_interactions",
                "$deep_interactions_7d",
            )],
        },
        Remedy {
            help: "parameters are declared, with their defaults, in parameters.toml of the SQL pack",
            broken: &[Replace(DEPTH, "$deep_interactions_7d", "$very_deep")],
            mended: &[Append("sql/parameters.toml", "very_deep = 9\n")],
        },
        Remedy {
            help: "windows are '30d', 'prev_30d', 'lifetime', 'before_today', and single days",
            broken: &[Write(
                "sql/features/a.sql",
                "SELECT user_id FROM windows('rollups.purchases', '30days')\n",
            )],
            mended: &[Replace(
                "sql/features/a.sql",
                "'30days'",
                "'30d', 'prev_30d', 'd1'",
            )],
        },
        Remedy {
            help: "name each window once",
            broken: &[Write(
                "sql/features/a.sql",
                "SELECT user_id FROM windows('rollups.purchases', '7d', '7d')\n",
            )],
            mended: &[Replace("sql/features/a.sql", "'7d', '7d'", "'7d'")],
        },
        Remedy {
            help: "write windows('rollups.<name>', '30d', 'lifetime', ...)",
            broken: &[Write(
                "sql/features/a.sql",
                "SELECT user_id FROM windows('rollups.purchases')\n",
            )],
            mended: &[Replace(
                "sql/features/a.sql",
                "purchases'",
                "purchases', '30d', 'lifetime'",
            )],
        },
        Remedy {
            help: "move the file to staging, rollups, features, tiers, publish or audits",
            broken: &[Write(
                "sql/marts/a.sql",
                "SELECT user_id FROM features.users\n",
            )],
            mended: &[
                Remove("sql/marts/a.sql"),
                Write("sql/features/a.sql", "SELECT user_id FROM features.users\n"),
            ],
        },
        Remedy {
            help: "name the file with lowercase letters, digits and underscores",
            broken: &[Write(
                "sql/features/My-Model.sql",
                "SELECT user_id FROM features.users\n",
            )],
            mended: &[
                Remove("sql/features/My-Model.sql"),
                Write(
                    "sql/features/my_model.sql",
                    "SELECT user_id FROM features.users\n",
                ),
            ],
        },
        Remedy {
            help: "publish/ holds tier_snapshot.sql, dim_tier.sql, kpi_daily.sql, alerts.sql, actions.sql, dim_metric.sql; what they read belongs in features or tiers",
            broken: &[Write(
                "sql/publish/extra.sql",
                "SELECT user_id FROM features.users\n",
            )],
            mended: &[
                Remove("sql/publish/extra.sql"),
                Write(
                    "sql/features/extra.sql",
                    "SELECT user_id FROM features.users\n",
                ),
            ],
        },
    ]);
}

#[test]
fn of_statements_and_types() {
    try_all(&[
        Remedy {
            help: "read them once in each step, or group between the steps",
            broken: &[Write(
                LABEL,
                "WITH a AS (SELECT user_id, 'x' || user_id AS s FROM features.users),
                b AS (SELECT user_id, s || s || s || s AS s FROM a),
                c AS (SELECT user_id, s || s || s || s AS s FROM b),
                d AS (SELECT user_id, s || s || s || s AS s FROM c),
                e AS (SELECT user_id, s || s || s || s AS s FROM d),
                f AS (SELECT user_id, s || s || s || s AS s FROM e),
                g AS (SELECT user_id, s || s || s || s AS s FROM f),
                h AS (SELECT user_id, s || s || s || s AS s FROM g),
                i AS (SELECT user_id, s || s || s || s AS s FROM h),
                j AS (SELECT user_id, s || s || s || s AS s FROM i)
                SELECT user_id, length(s) AS letters FROM j WHERE length(s) > 7\n",
            )],
            mended: &[Write(
                LABEL,
                "WITH a AS (SELECT user_id, 'x' || user_id AS s FROM features.users)
                SELECT user_id, length(s) * 262144 AS letters FROM a\n",
            )],
        },
        Remedy {
            help: "a model is one SELECT; tables are created and written by tierline itself",
            broken: &[Write(
                LABEL,
                "CREATE TABLE x AS SELECT user_id FROM features.users\n",
            )],
            mended: &[Replace(LABEL, "CREATE TABLE x AS ", "")],
        },
        Remedy {
            help: "a model is one SELECT; put the other into a file of its own",
            broken: &[Write(
                LABEL,
                "SELECT user_id FROM tiers.rfm;\nSELECT user_id FROM features.users\n",
            )],
            mended: &[
                Write(LABEL, "SELECT user_id FROM tiers.rfm;\n"),
                Write(
                    "sql/tiers/other.sql",
                    "SELECT user_id FROM features.users\n",
                ),
            ],
        },
        Remedy {
            help: "use $snapshot_date for today",
            broken: &[Write(
                LABEL,
                "SELECT user_id, current_date AS today FROM features.users\n",
            )],
            mended: &[Replace(LABEL, "current_date", "$snapshot_date")],
        },
        Remedy {
            help: "sort by a column instead of random()",
            broken: &[Write(
                LABEL,
                "SELECT user_id, ROW_NUMBER() OVER (ORDER BY random()) AS n FROM features.users\n",
            )],
            mended: &[Replace(LABEL, "random()", "user_id")],
        },
        Remedy {
            help: "filter by a column instead of sampling",
            broken: &[Write(
                LABEL,
                "SELECT user_id FROM features.users TABLESAMPLE (10 PERCENT)\n",
            )],
            mended: &[Replace(
                LABEL,
                "TABLESAMPLE (10 PERCENT)",
                "WHERE orders_lifetime > 3",
            )],
        },
        Remedy {
            help: "the one table function is windows('rollups.<name>', '30d', ...)",
            broken: &[Write(
                "sql/features/a.sql",
                "SELECT user_id FROM read_csv('a.csv')\n",
            )],
            mended: &[Replace(
                "sql/features/a.sql",
                "read_csv('a.csv')",
                "windows('rollups.purchases', '30d')",
            )],
        },
        Remedy {
            help: "declare it under [sources] in the job file and read it as sources.<name> in a staging model",
            broken: &[Write(
                "sql/staging/visits.sql",
                "SELECT day, user_id FROM 's3://bucket/visits'\n",
            )],
            mended: &[
                Append(
                    JOB,
                    "\n[sources.visits]\nurl = \"data/visits\"\n[sources.visits.columns]\nuser_id = \"ID\"\n",
                ),
                Replace(
                    "sql/staging/visits.sql",
                    "'s3://bucket/visits'",
                    "sources.visits",
                ),
            ],
        },
        Remedy {
            help: "give one of them another name with AS",
            broken: &[Write(
                LABEL,
                "SELECT user_id, rfm_total, r_score AS rfm_total FROM tiers.rfm\n",
            )],
            mended: &[Replace(LABEL, "AS rfm_total", "AS recency")],
        },
        Remedy {
            help: "CAST one side to the type of the other",
            broken: &[Write(
                LABEL,
                "SELECT user_id, rfm_total + rfm_total || 'x' + 1 AS x, r_score + DATE '2026-01-01' AS y FROM tiers.rfm\n",
            )],
            mended: &[Write(
                LABEL,
                "SELECT user_id, CAST(r_score AS INT) + DATE '2026-01-01' AS y FROM tiers.rfm\n",
            )],
        },
        Remedy {
            help: "CAST the other side, or correct the value",
            broken: &[Replace(
                "sql/tiers/lifecycle_stage.sql",
                "orders_lifetime = 0",
                "orders_lifetime = 'none'",
            )],
            mended: &[Replace("sql/tiers/lifecycle_stage.sql", "'none'", "0")],
        },
        Remedy {
            help: "set deep_interactions_7d to a value of type BIGINT under [params] in the job",
            broken: &[Append(
                JOB,
                "\n[params]\ndeep_interactions_7d = \"three\"\n",
            )],
            mended: &[Replace(JOB, "\"three\"", "3")],
        },
        Remedy {
            help: "types are BIGINT, VARCHAR, DECIMAL(p, s), DOUBLE, BOOLEAN, DATE, TIMESTAMP and more",
            broken: &[Write(
                LABEL,
                "SELECT user_id, CAST(user_id AS NUMBR) AS x FROM tiers.rfm\n",
            )],
            mended: &[Replace(LABEL, "NUMBR", "DECIMAL(20, 0)")],
        },
        Remedy {
            help: "CAST them to what it takes",
            broken: &[Write(
                LABEL,
                "SELECT user_id, SUM(rfm_class) OVER () AS x FROM tiers.rfm_class\n",
            )],
            mended: &[Replace(
                LABEL,
                "SUM(rfm_class)",
                "SUM(CAST(rfm_class AS DOUBLE))",
            )],
        },
        Remedy {
            help: "lists stand in IN ($other_statuses) or NOT IN ($other_statuses)",
            broken: &[Replace(
                ORDERS,
                "status IN ('paid', 'completed')",
                "status = $other_statuses",
            )],
            mended: &[Replace(
                ORDERS,
                "status = $other_statuses",
                "status IN ($other_statuses)",
            )],
        },
        Remedy {
            help: "join ON a.user_id = b.user_id, and select COALESCE(a.user_id, b.user_id) AS user_id",
            broken: &[Write(
                "sql/features/both.sql",
                "SELECT user_id, a.orders_lifetime\nFROM features.purchases AS a FULL JOIN features.interactions AS b USING (user_id)\n",
            )],
            mended: &[Write(
                "sql/features/both.sql",
                "SELECT COALESCE(a.user_id, b.user_id) AS user_id, a.orders_lifetime\nFROM features.purchases AS a FULL JOIN features.interactions AS b ON a.user_id = b.user_id\n",
            )],
        },
    ]);
}

/// A value that is looked up by a subquery, with what is said of it.
#[test]
fn of_lookups() {
    let styles = "LEFT JOIN reference.event_types AS t ON t.event_type = channel";
    let grouped = "LEFT JOIN (SELECT event_type, MAX(style) AS style FROM reference.event_types GROUP BY event_type) AS t ON t.event_type = orders.status OR t.event_type = channel";
    for (lookup, message, join) in [
        (
            "(SELECT t.style FROM reference.event_types AS t WHERE t.event_type = orders.status)",
            "a subquery may give several values for one row: `(SELECT`",
            styles,
        ),
        (
            "(SELECT t.style FROM reference.event_types AS t WHERE t.event_type = orders.status GROUP BY t.style HAVING COUNT(*) = 1)",
            "a subquery may give several values for one row: `(SELECT`",
            styles,
        ),
        (
            "(SELECT MAX(t.style) FROM reference.event_types AS t WHERE t.event_type = orders.status OR t.event_type = channel)",
            "a subquery cannot be computed here: `(SELECT`",
            grouped,
        ),
    ] {
        let category = "    category,\n";
        let looked_up = format!("    {lookup} AS category,\n");
        let project = Project::new().edit(ORDERS, category, &looked_up);
        let said = project.check();
        for told in [
            message,
            " --> sql/staging/orders.sql:13:5\n",
            "help: LEFT JOIN its table in FROM and select the column; where several of its rows",
        ] {
            assert!(said.contains(told), "{told}: {said}");
        }
        let from = "FROM sources.orders";
        let said = project
            .edit(ORDERS, &looked_up, "    t.style AS category,\n")
            .edit(ORDERS, from, &format!("{from}\n{join}"))
            .check();
        assert!(said.starts_with("exit code 0\n"), "{said}");
    }
}

#[test]
fn of_staging_and_rollups() {
    try_all(&[
        Remedy {
            help: "a staging model selects day and user_id beside its own columns",
            broken: &[Replace(ORDERS, "    user_id,\n", "")],
            mended: &[Replace(
                ORDERS,
                "    order_id,\n",
                "    order_id,\n    user_id,\n",
            )],
        },
        Remedy {
            help: "write * REPLACE (CAST(user_id AS VARCHAR) AS user_id) in place of *, or the same with BIGINT, alike in all staging models",
            broken: &[Append(JOB, USERS_BY_DOUBLES)],
            mended: &[Replace(
                USERS,
                "    *, ",
                "    * REPLACE (CAST(user_id AS BIGINT) AS user_id), ",
            )],
        },
        Remedy {
            help: "or write * REPLACE (CAST(user_id AS VARCHAR) AS user_id) in place of * here",
            broken: &[
                Append(JOB, USERS_BY_NUMBERS),
                Replace(
                    ORDERS,
                    "    user_id,",
                    "    CAST(user_id AS VARCHAR) AS user_id,",
                ),
                Replace(
                    "sql/staging/engagement.sql",
                    "    events.user_id,",
                    "    CAST(events.user_id AS VARCHAR) AS user_id,",
                ),
            ],
            mended: &[Replace(
                USERS,
                "    *, ",
                "    * REPLACE (CAST(user_id AS VARCHAR) AS user_id), ",
            )],
        },
        Remedy {
            help: "write CAST(order_amount AS DECIMAL(18,2)) AS amount",
            broken: &[
                Append(
                    JOB,
                    "\n[sources.orders.columns]\norder_amount = \"DOUBLE\"\n",
                ),
                Replace(ORDERS, "    amount,  ", "    order_amount AS amount,  "),
            ],
            mended: &[Replace(
                ORDERS,
                "order_amount AS amount",
                "CAST(order_amount AS DECIMAL(18,2)) AS amount",
            )],
        },
        Remedy {
            help: "write CAST(... AS DECIMAL(18,2))",
            broken: &[Replace(
                ORDERS,
                "    amount,  ",
                "    CAST(amount AS DOUBLE) AS amount,  ",
            )],
            mended: &[Replace(
                ORDERS,
                "CAST(amount AS DOUBLE)",
                "CAST(amount AS DECIMAL(18,2))",
            )],
        },
        Remedy {
            help: "write CAST(... AS TIMESTAMP) for text",
            broken: &[Append(
                JOB,
                "\n[sources.orders.columns]\nordered_at = \"VARCHAR\"\n",
            )],
            mended: &[Replace(
                ORDERS,
                "    ordered_at, ",
                "    CAST(ordered_at AS TIMESTAMP) AS ordered_at, ",
            )],
        },
        Remedy {
            help: "to_timestamp_seconds(...)",
            broken: &[Append(
                JOB,
                "\n[sources.orders.columns]\nordered_at = \"BIGINT\"\n",
            )],
            mended: &[Replace(
                ORDERS,
                "    ordered_at, ",
                "    to_timestamp_seconds(ordered_at) AS ordered_at, ",
            )],
        },
        Remedy {
            help: "select the aggregates one by one and compute with them in a feature model",
            broken: &[Replace(
                PURCHASES,
                "MAX(amount) FILTER (WHERE is_counting)",
                "COALESCE(MAX(amount), 0)",
            )],
            mended: &[Replace(
                PURCHASES,
                "COALESCE(MAX(amount), 0)",
                "MAX(amount)",
            )],
        },
        Remedy {
            help: "rollups may use COUNT, SUM, MIN, MAX, AVG",
            broken: &[Replace(
                PURCHASES,
                ORDERS_COUNTED,
                "    MEDIAN(amount) AS x,\n    COUNT(*) FILTER (WHERE is_counting) AS orders,",
            )],
            mended: &[Replace(
                PURCHASES,
                "MEDIAN(amount) AS x",
                "AVG(amount) AS a, VAR(amount) AS b, VAR_POP(amount) AS c, STDDEV(amount) AS d, STDDEV_POP(amount) AS e, BOOL_AND(is_counting) AS f, BOOL_OR(is_counting) AS g, BIT_AND(CAST(amount AS BIGINT)) AS h, BIT_OR(CAST(amount AS BIGINT)) AS i, BIT_XOR(CAST(amount AS BIGINT)) AS j, COUNT(DISTINCT channel) AS k, COUNT(DISTINCT day) AS l, APPROX_DISTINCT(category) AS m, FIRST_VALUE(channel ORDER BY ordered_at, order_id) AS n, LAST_VALUE(channel ORDER BY day, ordered_at, channel) AS o, last_n_distinct(channel, 3 ORDER BY ordered_at, order_id) AS p",
            )],
        },
        Remedy {
            help: "write SUM(CAST(... AS DECIMAL(18, 2)))",
            broken: &[Replace(
                PURCHASES,
                ORDERS_COUNTED,
                "    SUM(CAST(amount AS DOUBLE)) AS x,\n    COUNT(*) FILTER (WHERE is_counting) AS orders,",
            )],
            mended: &[Replace(
                PURCHASES,
                "SUM(CAST(amount AS DOUBLE)) AS x",
                "SUM(CAST(amount AS DECIMAL(18, 2))) AS x",
            )],
        },
        Remedy {
            help: "write last_n_distinct(x, 3 ORDER BY ..., x) for the last few values",
            broken: &[Replace(
                PURCHASES,
                ORDERS_COUNTED,
                "    ARRAY_AGG(channel) AS x,\n    COUNT(*) FILTER (WHERE is_counting) AS orders,",
            )],
            mended: &[Replace(
                PURCHASES,
                "ARRAY_AGG(channel) AS x",
                "last_n_distinct(channel, 3 ORDER BY ordered_at, channel) AS x",
            )],
        },
        Remedy {
            help: "write last_n_distinct(x, 3 ORDER BY ..., x), or a parameter in place of 3",
            broken: &[Replace(
                PURCHASES,
                ORDERS_COUNTED,
                "    last_n_distinct(channel, 0 ORDER BY ordered_at, channel) AS x,\n    COUNT(*) FILTER (WHERE is_counting) AS orders,",
            )],
            mended: &[Replace(
                PURCHASES,
                "last_n_distinct(channel, 0 ORDER BY ordered_at, channel) AS x",
                "last_n_distinct(channel, $mature_orders ORDER BY ordered_at, channel) AS x",
            )],
        },
        Remedy {
            help: "write MIN(x), or LAST_VALUE(x ORDER BY ..., x)",
            broken: &[Replace(
                PURCHASES,
                ORDERS_COUNTED,
                "    ANY_VALUE(channel) AS x,\n    COUNT(*) FILTER (WHERE is_counting) AS orders,",
            )],
            mended: &[Replace(
                PURCHASES,
                "ANY_VALUE(channel) AS x",
                "MIN(channel) AS x",
            )],
        },
        Remedy {
            help: "write MEDIAN or PERCENTILE_CONT in a feature model",
            broken: &[Replace(
                PURCHASES,
                ORDERS_COUNTED,
                "    APPROX_MEDIAN(amount) AS x,\n    COUNT(*) FILTER (WHERE is_counting) AS orders,",
            )],
            mended: &[Replace(
                PURCHASES,
                "APPROX_MEDIAN(amount) AS x",
                "AVG(amount) AS x",
            )],
        },
        Remedy {
            help: "sum x, y, x * y and the squares as DECIMAL",
            broken: &[Replace(
                PURCHASES,
                ORDERS_COUNTED,
                "    CORR(amount, discount) AS x,\n    COUNT(*) FILTER (WHERE is_counting) AS orders,",
            )],
            mended: &[Replace(
                PURCHASES,
                "CORR(amount, discount) AS x",
                "SUM(CAST(amount * discount AS DECIMAL(28, 4))) AS x",
            )],
        },
        Remedy {
            help: "count one value: concat_ws('|', x, y)",
            broken: &[Replace(
                PURCHASES,
                ORDERS_COUNTED,
                "    COUNT(DISTINCT channel, category) AS x,\n    COUNT(*) FILTER (WHERE is_counting) AS orders,",
            )],
            mended: &[Replace(
                PURCHASES,
                "COUNT(DISTINCT channel, category) AS x",
                "COUNT(DISTINCT concat_ws('|', channel, category)) AS x",
            )],
        },
        Remedy {
            help: "a rollup is one SELECT user_id, <aggregates> ... GROUP BY user_id over one staging table",
            broken: &[Write(
                "sql/rollups/days.sql",
                "SELECT user_id, day FROM staging.orders\n",
            )],
            mended: &[Write(
                "sql/rollups/days.sql",
                "SELECT user_id, COUNT(DISTINCT day) AS days FROM staging.orders GROUP BY user_id\n",
            )],
        },
        Remedy {
            help: "write last_n_distinct(x, 3 ORDER BY t, x)",
            broken: &[Write(
                "sql/features/channels.sql",
                "SELECT user_id, last_n_distinct(channel, 3) AS x FROM staging.orders GROUP BY user_id\n",
            )],
            mended: &[Write(
                "sql/features/channels.sql",
                "SELECT user_id, last_n_distinct(channel, 3 ORDER BY ordered_at, channel) AS x FROM staging.orders GROUP BY user_id\n",
            )],
        },
        Remedy {
            help: "write CAST(... AS DECIMAL(18, 2)), or COUNT(DISTINCT x)",
            broken: &[Replace(
                PURCHASES,
                ORDERS_COUNTED,
                "    APPROX_DISTINCT(CAST(amount AS DOUBLE)) AS x,\n    COUNT(*) FILTER (WHERE is_counting) AS orders,",
            )],
            mended: &[Replace(
                PURCHASES,
                "CAST(amount AS DOUBLE)",
                "CAST(amount AS DECIMAL(18, 2))",
            )],
        },
        Remedy {
            help: "list the columns there in place of `*`, or give one of them another name with AS",
            broken: &[Write(
                "sql/features/twice.sql",
                "WITH both AS (SELECT o.user_id, o.channel, e.* FROM staging.orders AS o INNER JOIN staging.engagement AS e ON o.user_id = e.user_id) SELECT user_id, COUNT(*) AS x FROM both GROUP BY user_id\n",
            )],
            mended: &[Write(
                "sql/features/twice.sql",
                "WITH both AS (SELECT o.channel, e.* FROM staging.orders AS o INNER JOIN staging.engagement AS e ON o.user_id = e.user_id) SELECT user_id, COUNT(*) AS x FROM both GROUP BY user_id\n",
            )],
        },
        Remedy {
            help: "write LAST_VALUE(channel ORDER BY ordered_at, channel): a tie-breaker last",
            broken: &[Replace(
                PURCHASES,
                ORDERS_COUNTED,
                "    LAST_VALUE(channel ORDER BY ordered_at) AS channel,\n    COUNT(*) FILTER (WHERE is_counting) AS orders,",
            )],
            mended: &[Replace(
                PURCHASES,
                "ORDER BY ordered_at",
                "ORDER BY ordered_at, channel",
            )],
        },
    ]);
}

#[test]
fn of_rules_and_references() {
    try_all(&[
        Remedy {
            help: "add a WHEN for them, or an ELSE: every user needs a value",
            broken: &[Replace(CLASS, "ELSE", "WHEN f_score = 1 THEN")],
            mended: &[Replace(CLASS, "WHEN f_score = 1 THEN", "ELSE")],
        },
        Remedy {
            help: "the first match wins: put the narrower condition first, or take the branch out",
            broken: &[Replace(
                CLASS,
                "        ELSE ",
                "        WHEN rfm_total IS NULL THEN 'unscored'\n        ELSE ",
            )],
            mended: &[Replace(
                CLASS,
                "        WHEN rfm_total IS NULL THEN 'unscored'\n        ELSE ",
                "        ELSE ",
            )],
        },
        Remedy {
            help: "list it in reference/dim_tier.csv, or in the job where it has [dimensions.interaction_depth]; or give one of: deep, moderate, occasional, light",
            broken: &[Replace(DEPTH, "ELSE 'light'", "ELSE 'faint'")],
            mended: &[
                Replace(
                    DEPTH,
                    "ELSE 'faint'",
                    "WHEN interactions_30d = 0 AND orders_lifetime > 0 THEN 'faint'\n        ELSE 'light'",
                ),
                Append(TIERS, "interaction_depth,faint,0,Faint,x,Call,x\n"),
            ],
        },
        Remedy {
            help: "add a WHEN that gives it, or take it out of dim_tier",
            broken: &[Append(TIERS, "rfm_class,legend,,Legend,x,Applaud,x\n")],
            mended: &[Replace(TIERS, "rfm_class,legend,,Legend,x,Applaud,x\n", "")],
        },
        Remedy {
            help: "it has active, churned, loyal, new, prospect, silent",
            broken: &[Replace(
                "sql/tiers/warnings.sql",
                "'new', 'active', 'loyal'",
                "'new', 'newcomer', 'loyal'",
            )],
            mended: &[Replace("sql/tiers/warnings.sql", "'newcomer'", "'active'")],
        },
        Remedy {
            help: "bands must cover every total from 3 to 15 once",
            broken: &[Replace(BANDS, "silent,2,4,6,", "silent,2,5,6,")],
            mended: &[Replace(BANDS, "silent,2,5,6,", "silent,2,4,6,")],
        },
        Remedy {
            help: "give it min_total and max_total",
            broken: &[Replace(BANDS, "high_value,5,13,15,", "high_value,5,13,,")],
            mended: &[Replace(BANDS, "high_value,5,13,,", "high_value,5,13,15,")],
        },
        Remedy {
            help: "correct the bounds, or take the band out",
            broken: &[Append(BANDS, "legends,6,16,20,Legends,x,Applaud,x\n")],
            mended: &[Replace(BANDS, "legends,6,16,20,Legends,x,Applaud,x\n", "")],
        },
        Remedy {
            help: "it is the tier of users without a counting order",
            broken: &[Append(BANDS, "ghosts,7,,,Ghosts,x,Wait,x\n")],
            mended: &[Replace(BANDS, "ghosts,7,,,Ghosts,x,Wait,x\n", "")],
        },
        Remedy {
            help: "it needs the columns tier, and min_total and max_total with whole numbers",
            broken: &[Replace(BANDS, "silent,2,4,6,", "silent,2,four,6,")],
            mended: &[Replace(BANDS, "four", "4")],
        },
        Remedy {
            help: "a reference file is CSV with a header line and as many values on every line",
            broken: &[Replace(BANDS, "silent,2,4,6,", "silent,2,4,")],
            mended: &[Replace(BANDS, "silent,2,4,", "silent,2,4,6,")],
        },
        Remedy {
            help: "select the column there, or take the dimension out of dim_tier",
            broken: &[Append(TIERS, "mood,happy,1,Happy,x,Smile,x\n")],
            mended: &[Replace(
                SNAPSHOT,
                "    -- interaction\n",
                "    'happy' AS mood,\n    -- interaction\n",
            )],
        },
        Remedy {
            help: "list its values under [dimensions.mood] in the job",
            broken: &[Write(
                "sql/tiers/mood.sql",
                "-- How a user feels.\nSELECT user_id, 'happy' AS mood FROM features.users\n",
            )],
            mended: &[Append(JOB, "\n[dimensions.mood]\ntiers = [\"happy\"]\n")],
        },
        Remedy {
            help: "or in reference/dim_tier.csv and select mood.mood in publish/tier_snapshot.sql",
            broken: &[Write(
                "sql/tiers/mood.sql",
                "-- How a user feels.\nSELECT user_id, 'happy' AS mood FROM features.users\n",
            )],
            mended: &[
                Append(TIERS, "mood,happy,1,Happy,x,Smile,x\n"),
                Replace(
                    SNAPSHOT,
                    "    -- interaction\n",
                    "    mood.mood,\n    -- interaction\n",
                ),
                Replace(
                    SNAPSHOT,
                    "INNER JOIN tiers.rfm AS rfm",
                    "INNER JOIN tiers.mood AS mood ON users.user_id = mood.user_id\nINNER JOIN tiers.rfm AS rfm",
                ),
            ],
        },
        Remedy {
            help: "the job's dimension `mood` is read from it, one row per user: user_id and mood",
            broken: &[
                Append(JOB, "\n[dimensions.mood]\ntiers = [\"happy\"]\n"),
                Write(
                    "sql/tiers/mood.sql",
                    "-- How a user feels.\nSELECT user_id AS id, 'happy' AS feeling FROM features.users\n",
                ),
            ],
            mended: &[Write(
                "sql/tiers/mood.sql",
                "-- How a user feels.\nSELECT user_id, 'happy' AS mood FROM features.users\n",
            )],
        },
        Remedy {
            help: "add tiers/state.sql to the SQL pack, with one row per user: user_id and state",
            broken: &[Append(JOB, "\n[dimensions.state]\ntiers = [\"happy\"]\n")],
            mended: &[Write(
                "sql/tiers/state.sql",
                "-- How a user feels.\nSELECT user_id, 'happy' AS state FROM features.users\n",
            )],
        },
        Remedy {
            help: "rank all tiers of a dimension, or none",
            broken: &[Replace(
                TIERS,
                "interaction_depth,light,0,",
                "interaction_depth,light,,",
            )],
            mended: &[Replace(
                TIERS,
                "interaction_depth,light,,",
                "interaction_depth,light,0,",
            )],
        },
        Remedy {
            help: "name it: `... AS saved_not_bought`",
            broken: &[Replace(
                WARNINGS,
                "    users.user_id,\n",
                "    users.user_id,\n    users.orders_30d = 0,\n",
            )],
            mended: &[Replace(
                WARNINGS,
                "orders_30d = 0,",
                "orders_30d = 0 AS asleep,",
            )],
        },
        Remedy {
            help: "list each value of a dimension once",
            broken: &[Append(DIM_TIER, DEEP_AGAIN)],
            mended: &[Replace(DIM_TIER, DEEP_AGAIN, "")],
        },
        Remedy {
            help: "give every row of dim_tier a dimension and a tier",
            broken: &[Append(TIERS, "interaction_depth,,9,Deepest,x,Dive,x\n")],
            mended: &[Replace(
                TIERS,
                "interaction_depth,,9,Deepest,x,Dive,x\n",
                "",
            )],
        },
        Remedy {
            help: "grace delays demotions, which only ranked dimensions have; of others [hold_days] delays every change",
            broken: &[Append(JOB, "\n[grace_days]\nrfm_class = 7\n")],
            mended: &[Replace(JOB, "[grace_days]", "[hold_days]")],
        },
        Remedy {
            help: "hold is for dimensions without ranks; of ranked ones [grace_days] delays demotions",
            broken: &[Append(JOB, "\n[hold_days]\ninteraction_depth = 7\n")],
            mended: &[Replace(JOB, "[hold_days]", "[grace_days]")],
        },
    ]);
}

#[test]
fn of_the_job() {
    try_all(&[
        Remedy {
            help: "use an IANA name such as UTC, Asia/Shanghai or Europe/Berlin",
            broken: &[Replace(JOB, "\"UTC\"", "\"Asia/Shangai\"")],
            mended: &[Replace(JOB, "\"Asia/Shangai\"", "\"Asia/Shanghai\"")],
        },
        Remedy {
            help: "this tierline reads version 1",
            broken: &[Replace(JOB, "version = 1", "version = 2")],
            mended: &[Replace(JOB, "version = 2", "version = 1")],
        },
        Remedy {
            help: "the keys here are retry_seconds, request_seconds",
            broken: &[Append(JOB, "\n[storage]\nurl = 5\n")],
            mended: &[Replace(JOB, "url = 5", "retry_seconds = 5")],
        },
        Remedy {
            help: "add [sources.engagement] with the url of its dt=YYYY-MM-DD partitions",
            broken: &[Replace(
                JOB,
                "[sources.engagement]\nurl = \"data/engagement\"\n",
                "",
            )],
            mended: &[Append(
                JOB,
                "[sources.engagement]\nurl = \"data/engagement\"\n",
            )],
        },
        Remedy {
            help: "add url = \"s3://bucket/orders\"",
            broken: &[Replace(JOB, "url = \"data/orders\"", "required = true")],
            mended: &[Replace(
                JOB,
                "required = true",
                "url = \"s3://bucket/orders\"",
            )],
        },
        Remedy {
            help: "types are BIGINT, VARCHAR, ID (BIGINT or VARCHAR, as the files have it)",
            broken: &[Append(
                JOB,
                "\n[sources.orders.columns]\nstore_id = \"STRNG\"\n",
            )],
            mended: &[Replace(JOB, "STRNG", "VARCHAR")],
        },
        Remedy {
            help: "use an integer, a decimal number, a text, true, false, a date, or a list of texts or integers",
            broken: &[Append(JOB, "\n[params]\nchurned_days = [6.5]\n")],
            mended: &[Replace(JOB, "[6.5]", "65")],
        },
        Remedy {
            help: "parameters are declared, with their defaults, in sql/parameters.toml",
            broken: &[Append(JOB, "\n[params]\nmine = 60\n")],
            mended: &[Append("sql/parameters.toml", "mine = 50\n")],
        },
        Remedy {
            help: "give a fraction, such as 0.05 for 5 %",
            broken: &[Append(JOB, "\n[guards]\nmax_users_growth = -1\n")],
            mended: &[Replace(JOB, "-1", "0.05")],
        },
        Remedy {
            help: "give \"*\" for all files, or an ending such as \"*.parquet\"",
            broken: &[Replace(
                JOB,
                "url = \"data/orders\"",
                "url = \"data/orders\"\nfiles = \"part-*\"",
            )],
            mended: &[Replace(JOB, "part-*", "*.parquet")],
        },
        Remedy {
            help: "give the name of the file that a partition has once it is whole, such as \"_SUCCESS\"",
            broken: &[Replace(
                JOB,
                "url = \"data/orders\"",
                "url = \"data/orders\"\nready = \"a/b\"",
            )],
            mended: &[Replace(JOB, "a/b", "_SUCCESS")],
        },
        Remedy {
            help: "give \"wait\", to end with exit code 4 until it is, or \"warn\"",
            broken: &[Replace(
                JOB,
                "url = \"data/orders\"",
                "url = \"data/orders\"\nincomplete = \"go\"",
            )],
            mended: &[Replace(JOB, "\"go\"", "\"warn\"")],
        },
        Remedy {
            help: "such as keeps = \"400 days\"",
            broken: &[Replace(
                JOB,
                "url = \"data/orders\"",
                "url = \"data/orders\"\nkeeps = \"a year\"",
            )],
            mended: &[Replace(JOB, "a year", "400 days")],
        },
        Remedy {
            help: "write how long a night may take, such as time_limit = \"2 hours\" or \"90 minutes\"",
            broken: &[Append(JOB, "\n[engine]\ntime_limit = \"2 sleeps\"\n")],
            mended: &[Replace(JOB, "2 sleeps", "90 minutes")],
        },
        Remedy {
            help: "write how long they are kept, 7 days or longer, such as quarantine = \"90 days\"",
            broken: &[Append(JOB, "\n[maintain]\nquarantine = \"6 days\"\n")],
            mended: &[Replace(JOB, "6 days", "7 days")],
        },
        Remedy {
            help: "give fewer, and write lists by `tierline export --table actions`",
            broken: &[Append(JOB, "\n[report]\nusers = 20000\n")],
            mended: &[Replace(JOB, "20000", "10000")],
        },
        Remedy {
            help: "which readers of Delta tables take for another character; rename the folder",
            broken: &[Replace(JOB, "output = \"output\"", "output = \"o%75tput\"")],
            mended: &[Replace(JOB, "o%75tput", "output")],
        },
        Remedy {
            help: "give the folder that has all dt=YYYY-MM-DD partitions in it",
            broken: &[Replace(JOB, "data/orders", "data/orders/dt=2026-03-06")],
            mended: &[Replace(JOB, "data/orders/dt=2026-03-06", "data/orders")],
        },
        Remedy {
            help: "list them from the lowest to the highest, such as tiers = [\"low\", \"high\"]; add ranked = false",
            broken: &[
                Append(JOB, "\n[dimensions.mood]\ntiers = []\n"),
                Write(
                    "sql/tiers/mood.sql",
                    "-- How a user feels.\nSELECT user_id, CASE WHEN orders_lifetime > 3 THEN 'high' ELSE 'low' END AS mood FROM features.users\n",
                ),
            ],
            mended: &[Replace(
                JOB,
                "tiers = []",
                "tiers = [\"low\", \"high\"]\nranked = false",
            )],
        },
        Remedy {
            help: "attributes of users come from [sources.users.profile]",
            broken: &[Append(
                JOB,
                "\n[sources.orders.profile]\ncity = \"VARCHAR\"\n",
            )],
            mended: &[Replace(
                JOB,
                "[sources.orders.profile]",
                "[sources.users]\nurl = \"data/users\"\nrequired = false\n[sources.users.profile]",
            )],
        },
        Remedy {
            help: "take it out of the URL",
            broken: &[Replace(JOB, "data/orders", "s3://key:secret@bucket/orders")],
            mended: &[Replace(JOB, "key:secret@", "")],
        },
        Remedy {
            help: "use file:///path, s3://bucket/path or a path relative to the job file",
            broken: &[Replace(JOB, "data/orders", "ftp://host/orders")],
            mended: &[Replace(JOB, "ftp://host/orders", "s3://bucket/orders")],
        },
        Remedy {
            help: "keep one of the two",
            broken: &[Append(
                JOB,
                "\n[calibration]\nid = \"2026-03-06-v1\"\nrecency_days = [1, 2, 4, 8]\norders_365d = [1, 2, 4, 8]\nrevenue_365d = [1, 2, 4, 8]\n",
            )],
            mended: &[Replace(JOB, "id = \"2026-03-06-v1\"\n", "")],
        },
        Remedy {
            help: "give four numbers, each greater than the one before it, such as [7, 30, 90, 180]",
            broken: &[Append(
                JOB,
                "\n[calibration]\nrecency_days = [7, 30, 30, 180]\norders_365d = [1, 2, 4, 8]\nrevenue_365d = [1, 2, 4, 8]\n",
            )],
            mended: &[Replace(JOB, "[7, 30, 30, 180]", "[7, 30, 90, 180]")],
        },
        Remedy {
            help: "give a text such as \"2026-11-20-v1\"",
            broken: &[Append(JOB, "\n[calibration]\nid = 5\n")],
            mended: &[Replace(JOB, "id = 5", "id = \"2026-11-20-v1\"")],
        },
        Remedy {
            help: "give those of every metric, such as recency_days = [1, 2, 4, 8], or of none",
            broken: &[Append(
                JOB,
                "\n[calibration]\norders_365d = [1, 2, 4, 8]\nrevenue_365d = [1, 2, 4, 8]\n",
            )],
            mended: &[Append(JOB, "recency_days = [1, 2, 4, 8]\n")],
        },
        Remedy {
            help: "its values are whole numbers of at most 19 digits",
            broken: &[Append(
                JOB,
                "\n[calibration]\nrecency_days = [1, 2, 4, 8]\norders_365d = [1, 2, 4, 8.5]\nrevenue_365d = [1, 2, 4, 8]\n",
            )],
            mended: &[Replace(JOB, "8.5", "8")],
        },
        Remedy {
            help: "`sql` in the job file names the folder of the SQL pack; leave it out for the built-in pack",
            broken: &[Replace(JOB, "sql = \"sql\"", "sql = \"sqll\"")],
            mended: &[Replace(JOB, "sql = \"sqll\"\n", "")],
        },
    ]);
}
