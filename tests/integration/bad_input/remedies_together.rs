//! More help texts of `check`, applied together: all mistakes of a kind are made in one project,
//! `check` tells what to do about each, and once that is done it finds nothing more. It is quicker
//! than a project for each, where the mistakes do not hide one another.

use super::project::Project;
use super::remedies::Edit::{self, Append, Remove, Replace, Write};
use super::remedies::{Remedy, edited};

const JOB: &str = "job.toml";
const PARAMETERS: &str = "sql/parameters.toml";
const EVENT_TYPES: &str = "sql/reference/event_types.csv";
const TIERS: &str = "sql/reference/dim_tier.csv";
const DIM_METRIC: &str = "sql/reference/dim_metric.csv";
const DIM_TIER: &str = "sql/publish/dim_tier.sql";
const PEAK_ORDER_AGAIN: &str = "UNION ALL SELECT dimension, tier, rank, label_en, label_zh, playbook, playbook_zh FROM reference.dim_tier WHERE tier = 'peak_order'\n";
const KPIS: &str = "sql/publish/kpi_daily.sql";
const SNAPSHOT: &str = "sql/publish/tier_snapshot.sql";
const ACTIONS: &str = "sql/reference/actions.csv";
const WARNINGS: &str = "sql/tiers/warnings.sql";
const BEFORE_INTERACTION: &str = "    -- interaction\n";

/// Mends what is told until nothing is: some mistakes hide others.
fn apply_together(remedies: &[Remedy]) {
    let mut project = remedies.iter().fold(Project::new(), |project, remedy| {
        edited(project, remedy.broken)
    });
    let mut left: Vec<&Remedy> = remedies.iter().collect();
    while !left.is_empty() {
        let said = project.check();
        assert!(said.starts_with("exit code 2\n"), "{said}");
        let is_told = |remedy: &&Remedy| said.contains(&format!("help: {}", remedy.help));
        let (told, hidden): (Vec<_>, Vec<_>) = left.into_iter().partition(is_told);
        let hidden_helps: Vec<&str> = hidden.iter().map(|remedy| remedy.help).collect();
        assert!(!told.is_empty(), "{hidden_helps:?} are not said: {said}");
        project = told
            .into_iter()
            .fold(project, |project, remedy| edited(project, remedy.mended));
        left = hidden;
    }
    let said = project.check();
    assert!(said.starts_with("exit code 0\n"), "{said}");
}

#[test]
fn of_characters_and_statements() {
    apply_together(&[
        Remedy {
            help: "save it as UTF-8 without a byte order mark (BOM)",
            broken: &[Write(
                "sql/tiers/a.sql",
                "\u{feff}SELECT user_id FROM features.users\n",
            )],
            mended: &[Write(
                "sql/tiers/a.sql",
                "SELECT user_id FROM features.users\n",
            )],
        },
        Remedy {
            help: "delete it: what is shown is not what is run",
            broken: &[Write(
                "sql/tiers/b.sql",
                "SELECT user_id FROM \u{202e}features.users\n",
            )],
            mended: &[Replace("sql/tiers/b.sql", "\u{202e}", "")],
        },
        Remedy {
            help: "delete it, or retype the line",
            broken: &[Write(
                "sql/tiers/c.sql",
                "SELECT user_id\u{200b} FROM features.users\n",
            )],
            mended: &[Write(
                "sql/tiers/c.sql",
                "SELECT user_id FROM features.users\n",
            )],
        },
        Remedy {
            help: "write texts in straight single quotes: 'text'",
            broken: &[Write(
                "sql/tiers/d.sql",
                "SELECT user_id, \u{2018}once\u{2019} AS habit FROM features.users\n",
            )],
            mended: &[
                Replace("sql/tiers/d.sql", "\u{2018}", "'"),
                Replace("sql/tiers/d.sql", "\u{2019}", "'"),
            ],
        },
        Remedy {
            help: "write texts in 'single' quotes and names in \"double\" quotes, both straight",
            broken: &[Write(
                "sql/tiers/e.sql",
                "SELECT user_id, 'once' AS \u{201c}habit\u{201d} FROM features.users\n",
            )],
            mended: &[
                Replace("sql/tiers/e.sql", "\u{201c}", "\""),
                Replace("sql/tiers/e.sql", "\u{201d}", "\""),
            ],
        },
        Remedy {
            help: "type an ordinary space",
            broken: &[Write(
                "sql/tiers/f.sql",
                "SELECT user_id\u{a0}FROM features.users\n",
            )],
            mended: &[Replace("sql/tiers/f.sql", "\u{a0}", " ")],
        },
        Remedy {
            help: "let its name end in .sql",
            broken: &[Write("sql/features/x.SQL", "SELECT 1 AS one\n")],
            mended: &[Remove("sql/features/x.SQL")],
        },
        Remedy {
            help: "move the file to reference, whose own folders are not looked into",
            broken: &[Write("sql/reference/more/few.csv", "few\n1\n")],
            mended: &[Remove("sql/reference/more/few.csv")],
        },
        Remedy {
            help: "write OVER with that name alone, or write its PARTITION BY and ORDER BY out",
            broken: &[Write(
                "sql/tiers/windowed.sql",
                "SELECT user_id, COUNT(*) OVER (w ORDER BY user_id) AS n FROM features.users WINDOW w AS (PARTITION BY user_id)\n",
            )],
            mended: &[Replace(
                "sql/tiers/windowed.sql",
                "(w ORDER BY user_id)",
                "w",
            )],
        },
        Remedy {
            help: "a model is one SELECT\n",
            broken: &[Write("sql/tiers/g.sql", "-- Nothing yet.\n")],
            mended: &[Append(
                "sql/tiers/g.sql",
                "SELECT user_id FROM features.users\n",
            )],
        },
        Remedy {
            help: "write each level as a common table expression of its own, or deliver the pairs as a CSV of reference/",
            broken: &[Write(
                "sql/tiers/h.sql",
                "WITH RECURSIVE steps AS (SELECT 1 AS step UNION ALL SELECT step + 1 FROM steps WHERE step < 3)\nSELECT user_id, step FROM features.users CROSS JOIN steps\n",
            )],
            mended: &[Write(
                "sql/tiers/h.sql",
                "WITH first AS (SELECT 1 AS step), second AS (SELECT step + 1 AS step FROM first)\nSELECT user_id, second.step FROM features.users CROSS JOIN second\n",
            )],
        },
        Remedy {
            help: "a rollup is one SELECT ... GROUP BY user_id over one staging table",
            broken: &[Write(
                "sql/rollups/both.sql",
                "SELECT o.user_id, COUNT(*) AS rows FROM staging.orders AS o INNER JOIN staging.engagement AS e ON o.user_id = e.user_id GROUP BY o.user_id\n",
            )],
            mended: &[Write(
                "sql/rollups/both.sql",
                "SELECT user_id, COUNT(*) AS rows FROM staging.orders GROUP BY user_id\n",
            )],
        },
        Remedy {
            help: "it may depend on today's sources only; read what was published before in kpi_daily.sql, alerts.sql, actions.sql, dim_metric.sql or an audit",
            broken: &[Replace(
                SNAPSHOT,
                BEFORE_INTERACTION,
                "    (SELECT COUNT(*) FROM previous.tier_snapshot) AS users_before,\n    -- interaction\n",
            )],
            mended: &[
                Replace(
                    SNAPSHOT,
                    "    (SELECT COUNT(*) FROM previous.tier_snapshot) AS users_before,\n",
                    "",
                ),
                Write(
                    "sql/audits/some_before.sql",
                    "SELECT COUNT(*) AS users_before FROM previous.tier_snapshot HAVING COUNT(*) > 1000000\n",
                ),
            ],
        },
    ]);
}

#[test]
fn of_queries_and_values() {
    apply_together(&[
        Remedy {
            help: "put it into WHERE, or LEFT JOIN what it selects and ask whether its column IS NOT NULL",
            broken: &[
                Write(
                    "sql/tiers/a.sql",
                    "SELECT user_id, EXISTS (SELECT 1 FROM features.purchases AS p WHERE p.user_id = u.user_id) AS has_bought FROM features.users AS u\n",
                ),
                Write(
                    "sql/tiers/b.sql",
                    "SELECT user_id, user_id IN (SELECT user_id FROM features.purchases) AS has_bought FROM features.users\n",
                ),
            ],
            mended: &[
                Write(
                    "sql/tiers/a.sql",
                    "SELECT user_id FROM features.users AS u WHERE EXISTS (SELECT 1 FROM features.purchases AS p WHERE p.user_id = u.user_id)\n",
                ),
                Write(
                    "sql/tiers/b.sql",
                    "SELECT u.user_id, p.user_id IS NOT NULL AS has_bought FROM features.users AS u LEFT JOIN features.purchases AS p ON p.user_id = u.user_id\n",
                ),
            ],
        },
        Remedy {
            help: "there are: user_id, rfm_class",
            broken: &[Write(
                "sql/tiers/c.sql",
                "SELECT user_id, completely_other FROM tiers.rfm_class\n",
            )],
            mended: &[Replace("sql/tiers/c.sql", "completely_other", "rfm_class")],
        },
        Remedy {
            help: "add a WHEN for them, or an ELSE; write ELSE NULL if no value is intended",
            broken: &[Write(
                "sql/tiers/d.sql",
                "SELECT user_id, CASE WHEN rfm_class = 'unscored' THEN 'hello' END AS greeting FROM tiers.rfm_class\n",
            )],
            mended: &[Replace("sql/tiers/d.sql", " END", " ELSE NULL END")],
        },
        Remedy {
            help: "take the ELSE out, or narrow a condition",
            broken: &[Write(
                "sql/tiers/e.sql",
                "SELECT user_id, CASE WHEN rfm_class = 'unscored' THEN 'hello' WHEN rfm_class <> 'unscored' OR rfm_class IS NULL THEN 'again' ELSE 'who' END AS greeting FROM tiers.rfm_class\n",
            )],
            mended: &[Replace("sql/tiers/e.sql", " ELSE 'who'", "")],
        },
        Remedy {
            help: "select the column there, or take the warning out of dim_tier",
            broken: &[Append(TIERS, "warning,asleep,,Asleep,x,Wake,x\n")],
            mended: &[Replace(
                SNAPSHOT,
                BEFORE_INTERACTION,
                "    users.orders_30d = 0 AS asleep,\n    -- interaction\n",
            )],
        },
        Remedy {
            help: "write SUM(CAST(... AS DECIMAL(28, 2)))",
            broken: &[Write(
                "sql/rollups/sums.sql",
                "SELECT user_id, SUM(CAST(amount AS DECIMAL(38, 2))) AS total FROM staging.orders GROUP BY user_id\n",
            )],
            mended: &[Replace("sql/rollups/sums.sql", "(38, 2)", "(28, 2)")],
        },
        Remedy {
            help: "write SUM(CAST(... AS DECIMAL(28, 0)))",
            broken: &[Write(
                "sql/rollups/lengths.sql",
                "SELECT user_id, SUM(arrow_cast(1, 'UInt64')) AS total FROM staging.orders GROUP BY user_id\n",
            )],
            mended: &[Replace(
                "sql/rollups/lengths.sql",
                "arrow_cast(1, 'UInt64')",
                "CAST(1 AS DECIMAL(28, 0))",
            )],
        },
    ]);
}

#[test]
fn of_dim_tier_and_the_job() {
    apply_together(&[
        Remedy {
            help: "list each warning once",
            broken: &[Append(DIM_TIER, PEAK_ORDER_AGAIN)],
            mended: &[Replace(DIM_TIER, PEAK_ORDER_AGAIN, "")],
        },
        Remedy {
            help: "write true or false",
            broken: &[Write(
                "sql/reference/switches.csv",
                "switch,is_on\na,true\nb,yes\n",
            )],
            mended: &[Write(
                "sql/reference/switches.csv",
                "switch,is_on\na,true\nb,true\n",
            )],
        },
        Remedy {
            help: "give one of the two lines another, or take it out: what is joined with both counts twice",
            broken: &[Append(EVENT_TYPES, "open,false,true,,,\n")],
            mended: &[Replace(EVENT_TYPES, "open,false,true,,,\n", "")],
        },
        Remedy {
            help: "list it in one of the two places",
            broken: &[Append(
                JOB,
                "\n[dimensions.lifecycle_stage]\ntiers = [\"old\", \"new\"]\n",
            )],
            mended: &[Replace(
                JOB,
                "\n[dimensions.lifecycle_stage]\ntiers = [\"old\", \"new\"]\n",
                "",
            )],
        },
        Remedy {
            help: "it needs the columns dimension and tier (VARCHAR) and rank (BIGINT)",
            broken: &[Replace(
                "sql/publish/dim_tier.sql",
                "    tier,  ",
                "    tier AS value,  ",
            )],
            mended: &[Replace(
                "sql/publish/dim_tier.sql",
                "    tier AS value,  ",
                "    tier,  ",
            )],
        },
        Remedy {
            help: "the metrics are the columns of the calibration model: recency_days, orders_365d, revenue_365d",
            broken: &[Append(
                JOB,
                "\n[calibration]\nrecency_days = [1, 2, 4, 8]\norders_365d = [1, 2, 4, 8]\nrevenue_365d = [1, 2, 4, 8]\nvisits = [1, 2, 3, 4]\n",
            )],
            mended: &[Replace(JOB, "visits = [1, 2, 3, 4]\n", "")],
        },
        Remedy {
            help: "its values have at most 28 digits, 2 of them behind the point",
            broken: &[Replace(
                JOB,
                "revenue_365d = [1,",
                "revenue_365d = [\"0.005\",",
            )],
            mended: &[Replace(JOB, "\"0.005\"", "\"0.05\"")],
        },
        Remedy {
            help: "give \"refuse\", to end with exit code 3, or \"skip\", to run without them",
            broken: &[Replace(
                JOB,
                "url = \"data/orders\"",
                "url = \"data/orders\"\nodd_days = \"leave\"",
            )],
            mended: &[Replace(JOB, "\"leave\"", "\"skip\"")],
        },
        Remedy {
            help: "use an integer, a decimal number, a text, true, false, a date, or a list of texts or integers",
            broken: &[Append(PARAMETERS, "mine = [1.5]\n")],
            mended: &[Replace(PARAMETERS, "[1.5]", "1.5")],
        },
        Remedy {
            help: "`tierline init` writes the whole pack to start from",
            broken: &[Remove("sql/publish/tier_snapshot.sql")],
            mended: &[Write(
                "sql/publish/tier_snapshot.sql",
                include_str!("../../../sql/publish/tier_snapshot.sql"),
            )],
        },
    ]);
}

/// What nothing is refused for: `check` succeeds, and says so no more once it is heeded.
#[test]
fn of_warnings() {
    let remedies = [
        Remedy {
            help: "write $idle_days where it is to decide something, or take it out",
            broken: &[Append(PARAMETERS, "idle_days = 3\n")],
            mended: &[Replace(PARAMETERS, "idle_days = 3\n", "")],
        },
        Remedy {
            help: "read it where its columns belong, or remove the file",
            broken: &[
                Write(
                    "sql/features/idle.sql",
                    "SELECT user_id FROM features.users\n",
                ),
                Write("sql/reference/idle.csv", "a,b\n1,2\n"),
            ],
            mended: &[
                Remove("sql/features/idle.sql"),
                Remove("sql/reference/idle.csv"),
            ],
        },
        Remedy {
            help: "select it in sql/staging/orders.sql, or rename it there to the column that it stands for, or take it out",
            broken: &[Append(
                "job.toml",
                "\n[sources.orders.columns]\nbasket = { type = \"VARCHAR\", optional = true }\n",
            )],
            mended: &[Replace(
                "sql/staging/orders.sql",
                "FROM sources.orders",
                "FROM (SELECT * EXCEPT (order_id), basket AS order_id FROM sources.orders) AS orders",
            )],
        },
        Remedy {
            help: "end its ORDER BY in a key, such as user_id or order_id: the same rows then come in the same order every night",
            broken: &[Replace(
                SNAPSHOT,
                BEFORE_INTERACTION,
                "    CAST(ROW_NUMBER() OVER (ORDER BY users.orders_30d) AS BIGINT) AS place_by_orders,\n    -- interaction\n",
            )],
            mended: &[Replace(
                SNAPSHOT,
                "(ORDER BY users.orders_30d)",
                "(ORDER BY users.orders_30d, users.user_id)",
            )],
        },
        Remedy {
            help: "give it the name of a metric, or add the metric to publish/kpi_daily.sql",
            broken: &[Replace(
                "sql/publish/alerts.sql",
                "'alert', 'score_drift'",
                "'alert', 'scores_drift'",
            )],
            mended: &[Replace(
                "sql/publish/alerts.sql",
                "'alert', 'scores_drift'",
                "'alert', 'score_drift'",
            )],
        },
        Remedy {
            help: "add a line messages_per_user,,,,,,,, to reference/dim_metric.csv, with its labels between the commas, for people to read more than its name",
            broken: &[Replace(
                KPIS,
                "'metric', 'touches_30d_per_user'",
                "'metric', 'messages_per_user'",
            )],
            mended: &[Append(
                DIM_METRIC,
                "messages_per_user,Messages,x,messages,\",.2f\",none,31,,Messages.\n",
            )],
        },
        Remedy {
            help: "write up where more is better, down where less is, none where neither is",
            broken: &[Replace(DIM_METRIC, ",up,1,2,", ",higher,1,2,")],
            mended: &[Replace(DIM_METRIC, ",higher,1,2,", ",up,1,2,")],
        },
        Remedy {
            help: "add a line warning,asleep,,,,, to reference/dim_tier.csv, with its labels between the commas, for people to read more than its name",
            broken: &[Replace(
                WARNINGS,
                "    users.user_id,\n",
                "    users.user_id,\n    users.orders_30d = 0 AS asleep,\n",
            )],
            mended: &[Append(TIERS, "warning,asleep,,Asleep,x,Wake,x\n")],
        },
        Remedy {
            help: "make it true or false, such as counted > 0, or select it in publish/tier_snapshot.sql from where it comes",
            broken: &[Replace(
                WARNINGS,
                "    users.user_id,\n",
                "    users.user_id,\n    users.orders_30d AS counted,\n",
            )],
            mended: &[
                Replace(
                    WARNINGS,
                    "users.orders_30d AS counted",
                    "users.orders_30d > 0 AS counted",
                ),
                Append(TIERS, "warning,counted,,Counted,x,Count,x\n"),
            ],
        },
        Remedy {
            help: "give it another name, unless that is meant",
            broken: &[Replace(
                WARNINGS,
                "    users.user_id,\n",
                "    users.user_id,\n    users.orders_30d < 0 AS falling_warning,\n",
            )],
            mended: &[Replace(
                WARNINGS,
                "    users.orders_30d < 0 AS falling_warning,\n",
                "",
            )],
        },
        Remedy {
            help: "select warnings.hidden in publish/tier_snapshot.sql",
            broken: &[
                Replace(
                    WARNINGS,
                    "    users.user_id,\n",
                    "    users.user_id,\n    users.orders_30d > 9 AS hidden,\n",
                ),
                Replace(SNAPSHOT, "EXCLUDE (user_id)", "EXCLUDE (user_id, hidden)"),
            ],
            mended: &[
                Replace(SNAPSHOT, "EXCLUDE (user_id, hidden)", "EXCLUDE (user_id)"),
                Append(TIERS, "warning,hidden,,Hidden,x,Seek,x\n"),
            ],
        },
        Remedy {
            help: "write MIN(x) or MAX(x), or FIRST_VALUE(x ORDER BY ..) by a key, such as user_id or order_id",
            broken: &[Replace(
                KPIS,
                "SUM(orders_30d) AS orders_30d,",
                "ANY_VALUE(value_tier) AS any_tier, SUM(orders_30d) AS orders_30d,",
            )],
            mended: &[Replace(KPIS, "ANY_VALUE(value_tier)", "MIN(value_tier)")],
        },
        Remedy {
            help: "CAST what is summed, such as SUM(CAST(x AS DECIMAL(18, 6))): sums of DECIMAL are exact",
            broken: &[Replace(
                KPIS,
                "SUM(touches_30d) AS DOUBLE",
                "SUM(touches_30d) * 1 + 0 * SUM(discount_depth_365d) AS DOUBLE",
            )],
            mended: &[Replace(
                KPIS,
                "SUM(discount_depth_365d)",
                "SUM(CAST(discount_depth_365d AS DECIMAL(18, 6)))",
            )],
        },
        Remedy {
            help: "compute it in a rollup, which does so exactly, or from COUNT(*), SUM(x) and SUM(x * x) of DECIMAL",
            broken: &[Replace(
                KPIS,
                "SUM(orders_30d) AS orders_30d,",
                "STDDEV_POP(orders_7d) AS spread, SUM(orders_30d) AS orders_30d,",
            )],
            mended: &[Replace(
                KPIS,
                "STDDEV_POP(orders_7d)",
                "sqrt(CAST(COUNT(*) * SUM(orders_7d * orders_7d) - SUM(orders_7d) * SUM(orders_7d) AS DOUBLE)) / COUNT(*)",
            )],
        },
        Remedy {
            help: "write critical for what is to be looked into today, warning for this week, info for no hurry",
            broken: &[Replace(
                "sql/publish/alerts.sql",
                "'severity', 'critical'",
                "'severity', 'urgent'",
            )],
            mended: &[Replace(
                "sql/publish/alerts.sql",
                "'severity', 'urgent'",
                "'severity', 'critical'",
            )],
        },
        Remedy {
            help: "write WHEN 'send_card' THEN and who is to get it into its WHERE, or take the line out",
            broken: &[
                Append(
                    "sql/reference/actions.csv",
                    "send_card,150,sms,,true,7,0,Send a card.,x\n",
                ),
                Replace(
                    "sql/audits/actions_known.sql",
                    "('recall'), ",
                    "('recall'), ('send_card'), ",
                ),
            ],
            mended: &[Replace(
                "sql/publish/actions.sql",
                "WHEN 'thank_peak' THEN users.peak_order",
                "WHEN 'send_card' THEN users.orders_lifetime > 9 WHEN 'thank_peak' THEN users.peak_order",
            )],
        },
    ];
    let edits = |project, edits: fn(&Remedy) -> &'static [Edit]| {
        remedies
            .iter()
            .fold(project, |project, remedy| edited(project, edits(remedy)))
    };
    let project = edits(Project::new(), |remedy| remedy.broken);
    let said = project.check();
    assert!(said.starts_with("exit code 0\n"), "{said}");
    for Remedy { help, .. } in &remedies {
        assert!(said.contains(&format!("help: {help}\n")), "{help}: {said}");
    }
    // A model and a CSV that nobody reads are two; a warning and a metric without labels are notes.
    let warnings = remedies.len() - 1;
    assert_eq!(said.matches("warning: ").count(), warnings, "{said}");
    // A pack with warnings is computed like any other.
    let project = project.publish("2026-03-06");
    let said = edits(project, |remedy| remedy.mended).check();
    assert!(said.starts_with("exit code 0\n"), "{said}");
    assert!(!said.contains("warning"), "{said}");
}

#[test]
fn of_conditions_and_warnings() {
    apply_together(&[
        Remedy {
            help: "a section stands once in a file, and a key once in its section: join the two",
            broken: &[Append(
                JOB,
                "\n[guards]\nmax_users_drop = 0.1\n\n[guards]\nmax_users_growth = 0.1\n",
            )],
            mended: &[Replace(
                JOB,
                "\n[guards]\nmax_users_growth",
                "\nmax_users_growth",
            )],
        },
        Remedy {
            help: "compare days with days, such as DATE '2026-10-01', or count them: $snapshot_date - day",
            broken: &[Write(
                "sql/tiers/late.sql",
                "SELECT user_id, last_order_day > 20260905 AS is_late FROM features.users\n",
            )],
            mended: &[Replace(
                "sql/tiers/late.sql",
                "20260905",
                "DATE '2026-09-05'",
            )],
        },
        Remedy {
            help: "compare days with days, such as DATE '2026-10-01', or count them: $snapshot_date - day",
            broken: &[
                Write(
                    "sql/tiers/among.sql",
                    "SELECT user_id FROM features.users WHERE last_order_day IN (SELECT orders_30d FROM features.users)\n",
                ),
                Write(
                    "sql/tiers/beside.sql",
                    "SELECT a.user_id FROM features.users AS a INNER JOIN features.users AS b ON a.last_order_day = b.orders_30d\n",
                ),
            ],
            mended: &[
                Replace(
                    "sql/tiers/among.sql",
                    "SELECT orders_30d",
                    "SELECT first_order_day",
                ),
                Replace("sql/tiers/beside.sql", "b.orders_30d", "b.first_order_day"),
            ],
        },
        Remedy {
            help: "WHEN needs what is true or false: compare it, as in WHEN x > 0",
            broken: &[Write(
                "sql/tiers/seen.sql",
                "SELECT user_id, CASE WHEN opens_15d THEN 1 ELSE 0 END AS is_seen FROM features.users\n",
            )],
            mended: &[Replace(
                "sql/tiers/seen.sql",
                "opens_15d THEN",
                "opens_15d > 0 THEN",
            )],
        },
        Remedy {
            help: "a subquery in [..] or {..} knows no table of WITH: compute its value in a table of WITH, and name the column here",
            broken: &[Write(
                "sql/tiers/lists.sql",
                "WITH s AS (SELECT user_id FROM features.users) SELECT user_id, [(SELECT COUNT(*) FROM s), 1] AS x FROM s\n",
            )],
            mended: &[Write(
                "sql/tiers/lists.sql",
                "WITH s AS (SELECT user_id FROM features.users), n AS (SELECT COUNT(*) AS n FROM s) SELECT user_id, [n, 1] AS x FROM s CROSS JOIN n\n",
            )],
        },
        Remedy {
            help: "write such a number in plain digits, or leave the cell empty",
            broken: &[Replace(
                ACTIONS,
                "call_falling,40,phone,50,",
                "call_falling,40,phone,fifty,",
            )],
            mended: &[Replace(ACTIONS, "fifty", "50")],
        },
        Remedy {
            help: "give the warning another name",
            broken: &[Replace(
                WARNINGS,
                "    users.user_id,\n",
                "    users.user_id,\n    users.orders_30d = 0 AS value_tier,\n",
            )],
            mended: &[Replace(WARNINGS, "= 0 AS value_tier,", "= 0 AS asleep,")],
        },
        Remedy {
            help: "make it true or false where it comes from, in tiers/warnings.sql as a rule, or take it out of dim_tier",
            broken: &[
                Replace(
                    WARNINGS,
                    "    users.user_id,\n",
                    "    users.user_id,\n    users.orders_30d AS odd,\n",
                ),
                Append(TIERS, "warning,odd,,Odd,x,Ask,x\n"),
            ],
            mended: &[Replace(
                WARNINGS,
                "users.orders_30d AS odd",
                "users.orders_30d > 0 AS odd",
            )],
        },
    ]);
}

#[test]
fn of_kpis_and_actions() {
    apply_together(&[
        Remedy {
            help: "give it a channel, or take the line out",
            broken: &[Replace(
                ACTIONS,
                "resolve_complaint,10,service,",
                "resolve_complaint,10,,",
            )],
            mended: &[Replace(ACTIONS, "complaint,10,,", "complaint,10,service,")],
        },
        Remedy {
            help: "give 3650 at most",
            broken: &[Replace(
                ACTIONS,
                "thank_peak,70,wecom,100,true,4,",
                "thank_peak,70,wecom,100,true,9999999,",
            )],
            mended: &[Replace(ACTIONS, "9999999", "4")],
        },
        Remedy {
            help: "give 28 at most",
            broken: &[Replace(
                ACTIONS,
                "recall,110,sms,500,true,14,28,",
                "recall,110,sms,500,true,14,90,",
            )],
            mended: &[Replace(ACTIONS, "true,14,90,", "true,14,28,")],
        },
        Remedy {
            help: "leave the capacity empty",
            broken: &[Replace(
                ACTIONS,
                "leave_alone,20,none,,",
                "leave_alone,20,none,5,",
            )],
            mended: &[Replace(ACTIONS, "none,5,", "none,,")],
        },
        Remedy {
            help: "CAST them to one type; structs have the same fields in the same order, of the same types",
            broken: &[Replace(
                KPIS,
                "'value', users.buyers)",
                "'valu', users.buyers)",
            )],
            mended: &[Replace(
                KPIS,
                "'valu', users.buyers)",
                "'value', users.buyers)",
            )],
        },
        Remedy {
            help: "write a value of that type; values of one column or of one [..] are cast to one type",
            broken: &[Replace(
                KPIS,
                "'users_total', 'value', users.total",
                "'users_total', 'value', 'many'",
            )],
            mended: &[Replace(KPIS, "'value', 'many'", "'value', users.total")],
        },
        Remedy {
            help: "the name before the point is a column's: name the table that has what stands behind it, which may be misspelt",
            broken: &[Write(
                "sql/tiers/field.sql",
                "WITH a AS (SELECT user_id, orders_30d AS users FROM features.users) SELECT a.user_id, users.user_id AS again FROM a\n",
            )],
            mended: &[Replace(
                "sql/tiers/field.sql",
                "users.user_id AS",
                "a.user_id AS",
            )],
        },
        Remedy {
            help: "CAST in a table of WITH, under a name of its own, and aggregate that",
            broken: &[Write(
                "sql/tiers/twice.sql",
                "SELECT user_id, SUM(orders_30d) AS a, SUM(CAST(orders_30d AS DECIMAL(18, 2))) AS b FROM features.users GROUP BY user_id\n",
            )],
            mended: &[Write(
                "sql/tiers/twice.sql",
                "WITH u AS (SELECT user_id, orders_30d, CAST(orders_30d AS DECIMAL(18, 2)) AS exact FROM features.users) SELECT user_id, SUM(orders_30d) AS a, SUM(exact) AS b FROM u GROUP BY user_id\n",
            )],
        },
        Remedy {
            help: "CAST them to what it takes, and give it as many as it takes",
            broken: &[Write(
                "sql/tiers/joined.sql",
                "SELECT a.user_id FROM features.users AS a INNER JOIN features.users AS b ON round(a.last_order_channel, 'x') = b.user_id\n",
            )],
            mended: &[Replace(
                "sql/tiers/joined.sql",
                "round(a.last_order_channel, 'x')",
                "round(a.orders_30d, 1)",
            )],
        },
        Remedy {
            help: "did you mean `orders_1d`? For another window, add '14d' to windows(..) in FROM",
            broken: &[Replace(
                "sql/features/purchases.sql",
                "    orders_7d,",
                "    orders_14d, orders_7d,",
            )],
            mended: &[Replace(
                "sql/features/purchases.sql",
                "'7d', '30d',",
                "'7d', '14d', '30d',",
            )],
        },
        Remedy {
            help: "did you mean `orders_30d`? For another window, add '21d' to windows(..) in the model of features/ that selects these, and `orders_21d` to what it selects",
            broken: &[Write(
                "sql/tiers/three_weeks.sql",
                "SELECT user_id, orders_21d FROM features.users\n",
            )],
            mended: &[
                Replace("sql/features/purchases.sql", "'60d',", "'60d', '21d',"),
                Replace(
                    "sql/features/purchases.sql",
                    " orders_7d,",
                    " orders_21d, orders_7d,",
                ),
                Replace(
                    "sql/features/users.sql",
                    "    COALESCE(purchases.orders_7d, 0) AS orders_7d,",
                    "    purchases.orders_21d,\n    COALESCE(purchases.orders_7d, 0) AS orders_7d,",
                ),
            ],
        },
        Remedy {
            help: "it has ask_spend, call_falling, crisis_core,",
            broken: &[Append(JOB, "\n[params]\nactions_on = [\"crisis\"]\n")],
            mended: &[Replace(JOB, "[\"crisis\"]", "[\"crisis_core\"]")],
        },
        Remedy {
            help: "list it in reference/dim_tier.csv, or in the job where it has [dimensions.app_fan]; or give one of: fan, stranger",
            broken: &[
                Append(
                    JOB,
                    "\n[dimensions.app_fan]\ntiers = [\"stranger\", \"fan\"]\n",
                ),
                Write(
                    "sql/tiers/app_fan.sql",
                    "SELECT user_id, CASE WHEN interactions_30d > 3 THEN 'fan' WHEN interactions_30d > 0 THEN 'guest' ELSE 'stranger' END AS app_fan FROM features.users\n",
                ),
            ],
            mended: &[Replace(JOB, "[\"stranger\",", "[\"stranger\", \"guest\",")],
        },
    ]);
}

/// A statement that is too large, the help text, and what it says to write instead.
struct Shrunk {
    help: &'static str,
    large: String,
    /// The models and references that take its place, the model itself first.
    instead: Vec<(&'static str, String)>,
}

/// `1`, `2` and so on, with something between them.
fn numbers(count: usize, between: &str) -> String {
    let numbers: Vec<String> = (1..=count).map(|number| number.to_string()).collect();
    numbers.join(between)
}

/// Common tables with the names of such numbers, and a SELECT over the last.
fn chain(from: usize, to: usize, first: &str) -> String {
    let tables: Vec<String> = (from..=to)
        .map(|number| match number == from {
            true => format!("t{number} AS (SELECT user_id FROM {first})"),
            false => format!("t{number} AS (SELECT user_id FROM t{})", number - 1),
        })
        .collect();
    format!("WITH {}\nSELECT user_id FROM t{to}\n", tables.join(",\n"))
}

#[test]
fn of_sizes() {
    let users = "SELECT user_id FROM features.users";
    let listed = |count| {
        format!(
            "{users} WHERE orders_lifetime IN ({})\n",
            numbers(count, ", ")
        )
    };
    let joined = |table: &str| {
        format!("{users} AS u INNER JOIN reference.{table} AS l ON u.orders_lifetime = l.orders\n")
    };
    let rows = |count| format!("orders\n{}\n", numbers(count, "\n"));
    let texts = format!(
        "{users} WHERE CAST(user_id AS VARCHAR) <> '{}'\n",
        "x".repeat(300_000)
    );
    let apart = "SELECT u.user_id FROM features.users AS u LEFT JOIN reference.texts AS t ON CAST(u.user_id AS VARCHAR) = t.text WHERE t.text IS NULL\n";
    let shrunk = [
        Shrunk {
            help: "put values into a CSV of reference/ and join it, and split the model into several",
            large: texts,
            instead: vec![
                ("sql/tiers/m0.sql", apart.to_owned()),
                (
                    "sql/reference/texts.csv",
                    format!("text\n{}\n", "x".repeat(300)),
                ),
            ],
        },
        Shrunk {
            help: "compute parts of it in a WITH or in another model, and write many OR as one IN",
            large: format!(
                "{users} WHERE orders_lifetime = {}\n",
                numbers(600, " OR orders_lifetime = ")
            ),
            instead: vec![("sql/tiers/m1.sql", listed(600))],
        },
        Shrunk {
            help: "compute parts of it in a WITH or in another model, and write many OR as one IN",
            large: format!(
                "SELECT user_id, {} AS total FROM features.users\n",
                numbers(600, " + ")
            ),
            instead: vec![(
                "sql/tiers/m2.sql",
                format!(
                    "WITH half AS (SELECT user_id, {0} AS half FROM features.users)\nSELECT user_id, half + {0} AS total FROM half\n",
                    numbers(300, " + ")
                ),
            )],
        },
        Shrunk {
            help: "put the values into a CSV of reference/ and join it",
            large: listed(2_500),
            instead: vec![
                ("sql/tiers/m3.sql", joined("listed")),
                ("sql/reference/listed.csv", rows(2_500)),
            ],
        },
        Shrunk {
            help: "put the rows into a CSV of reference/, or select them by one WHERE",
            large: vec![users; 150].join(" UNION ALL ") + "\n",
            instead: vec![("sql/tiers/m4.sql", listed(150))],
        },
        Shrunk {
            help: "split the model into several",
            large: chain(1, 150, "features.users"),
            instead: vec![
                ("sql/tiers/m5.sql", chain(76, 150, "tiers.m5_before")),
                ("sql/tiers/m5_before.sql", chain(1, 75, "features.users")),
            ],
        },
    ];
    let project = (0..)
        .zip(&shrunk)
        .fold(Project::new(), |project, (number, shrunk)| {
            project.write(&format!("sql/tiers/m{number}.sql"), &shrunk.large)
        });
    let said = project.check();
    assert!(said.starts_with("exit code 2\n"), "{said}");
    for Shrunk { help, .. } in &shrunk {
        assert!(
            said.contains(&format!("help: {help}\n")),
            "`{help}` is not said: {said}"
        );
    }
    let instead = shrunk.iter().flat_map(|shrunk| &shrunk.instead);
    let project = instead.fold(project, |project, (path, text)| project.write(path, text));
    let said = project.check();
    assert!(said.starts_with("exit code 0\n"), "{said}");
}

/// A job file of that size is told before anything else.
#[test]
fn of_the_size_of_the_job() {
    let statuses: Vec<String> = (0..20_000).map(|_| "\"elsewhere\"".to_owned()).collect();
    let listed = format!("\n[params]\nother_statuses = [{}]\n", statuses.join(", "));
    let project = Project::new().append(JOB, &listed);
    let said = project.check();
    let help = "help: values that SQL looks up belong in a CSV of the SQL pack's reference/";
    assert!(said.contains(help), "{said}");
    let known = "status NOT IN ('paid', 'completed', $other_statuses)";
    let looked_up = "status NOT IN ('paid', 'completed') AND statuses.status IS NULL";
    let orders = "sql/staging/orders.sql";
    let project = project
        .edit(JOB, &listed, "")
        .write("sql/reference/statuses.csv", "other\npending\nelsewhere\n")
        .edit(orders, known, &looked_up.replace("statuses.status", "statuses.other"))
        .edit(
            orders,
            "FROM sources.orders",
            "FROM sources.orders\nLEFT JOIN reference.statuses AS statuses ON statuses.other = status",
        );
    let said = project.check();
    assert!(said.starts_with("exit code 0\n"), "{said}");
}

/// A typing error would leave an alert without its limit.
#[test]
fn of_metrics_that_are_none() {
    const ALERTS: &str = "sql/publish/alerts.sql";
    let project = Project::new().edit(ALERTS, "'complaints_usual'", "'complaints_usal'");
    let said = project.check();
    assert!(said.starts_with("exit code 0\n"), "{said}");
    let told = "`complaints_usal` is not a metric of `kpi_daily`; did you mean `complaints_usual`?";
    let help = "write a metric of publish/kpi_daily.sql, unless only earlier dates have this one";
    assert!(said.contains(told) && said.contains(help), "{said}");
    let project = project.edit(ALERTS, "'complaints_usal'", "'complaints_usual'");
    assert!(!project.check().contains("is not a metric"));
}
