//! The help texts of commands other than `check`, applied: the command fails and says what to do,
//! that is done to the letter, and the command succeeds. Texts about files, stores and expired days
//! are applied in the modules about those.

use super::lake::Rows;
use super::project::{Project, all_hold};

type Step = fn(Project) -> Project;

/// A command that fails, the help text, and what it says to do.
struct Remedy {
    help: &'static str,
    broken: Step,
    command: &'static [&'static str],
    mended: Step,
    again: &'static [&'static str],
}

const NIGHT: [&str; 4] = ["run", "job.toml", "--date", "2026-03-06"];
const SNAPSHOT: &str = "sql/publish/tier_snapshot.sql";
const SELECTED: &str = "    users.first_order_day,";

fn same(project: Project) -> Project {
    project
}

/// All that a command prints. Run ids are hashes, in which the number of a user may occur.
fn said(project: &Project, command: &[&str]) -> String {
    let finished = project.call(command);
    let (code, stdout, stderr) = (finished.exit_code, finished.stdout, finished.stderr);
    format!("exit code {code}\n\n{stdout}{stderr}")
}

/// What is wrong with a remedy, tried in a project of its own; nothing when it helps.
fn failure_of(remedy: &Remedy) -> Option<String> {
    let project = (remedy.broken)(Project::new());
    let mended = |project| (remedy.mended)(project);
    failure_in(project, remedy.help, [remedy.command, remedy.again], mended)
}

/// The same of a broken project: the command that fails, and the one that then succeeds.
fn failure_in(
    project: Project,
    help: &str,
    [command, again]: [&[&str]; 2],
    mended: impl Fn(Project) -> Project,
) -> Option<String> {
    let said = said(&project, command);
    if said.starts_with("exit code 0\n") || !said.contains(help) {
        return Some(format!("`{help}` is not said: {said}"));
    }
    let said = self::said(&mended(project), again);
    (!said.starts_with("exit code 0\n")).then(|| format!("after `{help}`: {said}"))
}

fn try_all(remedies: &[Remedy]) {
    all_hold(remedies, failure_of);
}

#[test]
fn of_arguments() {
    try_all(&[
        Remedy {
            help: "`tierline init` writes a job file to start from",
            broken: same,
            command: &["plan", "nightly"],
            mended: |project| {
                let init = project.call(&["init", "mine"]);
                assert_eq!(init.exit_code, 0, "{init:?}");
                project
            },
            again: &["check", "mine/jobs/production.toml"],
        },
        Remedy {
            help: "name a job file, or let `tierline init` write one to start from",
            broken: |project| {
                std::fs::remove_dir_all(project.path("jobs")).unwrap();
                project
            },
            command: &["check"],
            mended: same,
            again: &["plan", "job.toml", "--date", "2026-03-06"],
        },
        Remedy {
            help: "give one such as 2026-11-20",
            broken: same,
            command: &["plan", "job.toml", "--date", "2026-13-06"],
            mended: same,
            again: &["plan", "job.toml", "--date", "2026-03-06"],
        },
        Remedy {
            help: "give a date such as 2026-11-21 or an instant with an offset such as 2026-11-21T02:00:00+08:00",
            broken: same,
            command: &["plan", "job.toml", "--as-of", "midnight"],
            mended: same,
            again: &["plan", "job.toml", "--as-of", "2026-03-07T02:00:00+00:00"],
        },
        Remedy {
            help: "; give a date such as 2026-11-21",
            broken: same,
            command: &["plan", "job.toml", "--as-of=-262143-01-01"],
            mended: same,
            again: &["plan", "job.toml", "--as-of", "2026-03-07"],
        },
        Remedy {
            help: "name one of them",
            broken: |project| {
                let job = std::fs::read_to_string(project.path("job.toml")).unwrap();
                project.write("jobs/other.toml", &job)
            },
            command: &["check"],
            mended: same,
            again: &["check", "jobs/production.toml"],
        },
        Remedy {
            help: "name the one you mean by its path",
            broken: |project| {
                let job = std::fs::read_to_string(project.path("job.toml")).unwrap();
                project.write("jobs/job.toml", &job)
            },
            command: &["check", "job.toml"],
            mended: same,
            again: &["check", "./job.toml"],
        },
        Remedy {
            help: "give a --from that is not after --to",
            broken: same,
            command: &[
                "backfill",
                "job.toml",
                "--from",
                "2026-03-06",
                "--to",
                "2026-03-05",
            ],
            mended: same,
            again: &[
                "backfill",
                "job.toml",
                "--from",
                "2026-03-06",
                "--to",
                "2026-03-06",
            ],
        },
        Remedy {
            help: "the published tables are tier_snapshot",
            broken: same,
            command: &[
                "run",
                "job.toml",
                "--date",
                "2026-03-06",
                "--drop-columns",
                "snapshots.x",
            ],
            mended: |project| {
                project
                    .edit(
                        SNAPSHOT,
                        SELECTED,
                        "    1 AS x,\n    users.first_order_day,",
                    )
                    .publish("2026-03-05")
                    .edit(SNAPSHOT, "    1 AS x,\n", "")
            },
            again: &[
                "run",
                "job.toml",
                "--date",
                "2026-03-06",
                "--drop-columns",
                "tier_snapshot.x,tier_current.x",
            ],
        },
        Remedy {
            help: "leave it out",
            broken: same,
            command: &[
                "run",
                "job.toml",
                "--date",
                "2026-03-06",
                "--drop-columns",
                "tier_snapshot.x",
            ],
            mended: same,
            again: &NIGHT,
        },
    ]);
}

#[test]
fn of_what_is_published() {
    try_all(&[
        Remedy {
            help: "publish a date first: `tierline run`",
            broken: same,
            command: &["show", "job.toml"],
            mended: |project| project.publish("2026-03-06"),
            again: &["show", "job.toml"],
        },
        Remedy {
            help: "or publish it: `tierline run --date 2026-03-06`",
            broken: |project| project.publish("2026-03-05"),
            command: &["show", "job.toml", "--date", "2026-03-06"],
            mended: |project| project.publish("2026-03-06"),
            again: &["show", "job.toml", "--date", "2026-03-06"],
        },
        Remedy {
            help: "name one of them",
            broken: |project| project.publish("2026-03-06"),
            command: &["withdraw", "job.toml", "--date", "2026-03-05", "--yes"],
            mended: same,
            again: &["withdraw", "job.toml", "--date", "2026-03-06", "--yes"],
        },
        Remedy {
            help: "the dimensions of 2026-03-06 are ",
            broken: |project| project.publish("2026-03-06"),
            command: &["show", "job.toml", "--dimension", "loyalty"],
            mended: same,
            again: &["show", "job.toml", "--dimension", "lifecycle_stage"],
        },
        Remedy {
            help: "leave --dimension out to see how many have it; tier_migration has who it was raised and cleared for",
            broken: |project| project.publish("2026-03-06"),
            command: &["show", "job.toml", "--dimension", "spend_warning"],
            mended: same,
            again: &["show", "job.toml"],
        },
        Remedy {
            help: "give two published dates, the earlier one as --from",
            broken: |project| project.publish("2026-03-05").publish("2026-03-06"),
            command: &[
                "show",
                "job.toml",
                "--from",
                "2026-03-06",
                "--to",
                "2026-03-05",
            ],
            mended: same,
            again: &[
                "show",
                "job.toml",
                "--from",
                "2026-03-05",
                "--to",
                "2026-03-06",
            ],
        },
        Remedy {
            help: "as `tierline init` writes them, and publish the date again: `tierline run --date 2026-03-06`",
            broken: |project| {
                std::fs::remove_file(project.path("sql/publish/actions.sql")).unwrap();
                project.publish("2026-03-06")
            },
            command: &["show", "job.toml", "--actions"],
            mended: |project| {
                let actions = include_str!("../../../sql/publish/actions.sql");
                let project = project.write("sql/publish/actions.sql", actions);
                project.publish("2026-03-06")
            },
            again: &["show", "job.toml", "--actions"],
        },
    ]);
}

/// A column of the snapshot that some row cannot have: what the help says, the column, and what of
/// it is written otherwise.
type RemedyOfColumn = [&'static str; 4];

fn failure_of_column([help, column, wrong, right]: &RemedyOfColumn) -> Option<String> {
    let project = Project::new().edit(SNAPSHOT, SELECTED, &format!("    {column},\n{SELECTED}"));
    failure_in(project, help, [&NIGHT, &NIGHT], |project| {
        project.edit(SNAPSHOT, wrong, right)
    })
}

#[test]
fn of_rows_that_sql_cannot_compute() {
    let remedies: [RemedyOfColumn; 4] = [
        [
            "divide by NULLIF(..., 0)",
            "1 / (users.orders_30d - users.orders_30d) AS ratio",
            "(users.orders_30d - users.orders_30d)",
            "NULLIF((users.orders_30d - users.orders_30d), 0)",
        ],
        [
            "CAST a side AS DECIMAL(38, 0) before computing",
            "users.orders_30d * 9223372036854775807 AS product",
            "users.orders_30d *",
            "CAST(users.orders_30d AS DECIMAL(38, 0)) *",
        ],
        [
            "CAST what is summed AS DECIMAL(28, 0)",
            "SUM(6000000000000000000 + users.orders_30d) OVER () AS points",
            "6000000000000000000 + users.orders_30d",
            "CAST(6000000000000000000 + users.orders_30d AS DECIMAL(28, 0))",
        ],
        [
            "write TRY_CAST(rfm_class.rfm_class AS BIGINT)",
            "CAST(rfm_class.rfm_class AS BIGINT) AS class_number",
            "CAST(rfm_class.rfm_class AS BIGINT)",
            "TRY_CAST(rfm_class.rfm_class AS BIGINT)",
        ],
    ];
    all_hold(&remedies, failure_of_column);
}

#[test]
fn of_audits() {
    try_all(&[
        Remedy {
            help: "add the value there, or fix the tier model",
            broken: |project| {
                let stage = "sql/tiers/lifecycle_stage.sql";
                let renamed = "END, 'loyal', 'loyalist') AS lifecycle_stage";
                project.edit(stage, "    CASE", "    REPLACE(CASE").edit(
                    stage,
                    "END AS lifecycle_stage",
                    renamed,
                )
            },
            command: &NIGHT,
            mended: |project| {
                let tiers = "sql/reference/dim_tier.csv";
                project.append(tiers, "lifecycle_stage,loyalist,6,Loyalist,忠诚者,,\n")
            },
            again: &NIGHT,
        },
        Remedy {
            help: "each feature and tier model must have one row per user",
            broken: |project| {
                let depth = "sql/tiers/interaction_depth.sql";
                let twice =
                    "FROM (SELECT * FROM features.users UNION ALL SELECT * FROM features.users)";
                project.edit(depth, "FROM features.users", twice)
            },
            command: &NIGHT,
            mended: |project| {
                let depth = "sql/tiers/interaction_depth.sql";
                let twice =
                    "FROM (SELECT * FROM features.users UNION ALL SELECT * FROM features.users)";
                project.edit(depth, twice, "FROM features.users")
            },
            again: &NIGHT,
        },
        Remedy {
            help: "whoever is not to be there is left out in features/users.sql",
            broken: |project| project.append(SNAPSHOT, "WHERE users.orders_30d > 1\n"),
            command: &NIGHT,
            mended: |project| project.edit(SNAPSHOT, "WHERE users.orders_30d > 1\n", ""),
            again: &NIGHT,
        },
        Remedy {
            help: "allows; check inputs and SQL, or raise the guard for this run",
            broken: |project| {
                let guards = "\n[guards]\nmax_users_growth = 1.0\nmax_tier_share_change = 0.01\n";
                project.publish("2026-03-05").append("job.toml", guards)
            },
            command: &NIGHT,
            mended: |project| {
                project.edit(
                    "job.toml",
                    "max_tier_share_change = 0.01",
                    "max_tier_share_change = 1.0",
                )
            },
            again: &NIGHT,
        },
        Remedy {
            help: "or raise the guard for this run",
            broken: |project| {
                let project = project.append("job.toml", "\n[guards]\nmax_users_growth = 0.1\n");
                project.publish("2026-03-05")
            },
            command: &NIGHT,
            mended: |project| {
                project.edit(
                    "job.toml",
                    "max_users_growth = 0.1",
                    "max_users_growth = 1.0\nmax_tier_share_change = 1.0",
                )
            },
            again: &NIGHT,
        },
    ]);
}

#[test]
fn of_metrics_that_are_not_exact() {
    try_all(&[Remedy {
        help: "CAST it AS BIGINT or DECIMAL: cut points are exact",
        broken: |project| {
            let inexact = "    CAST(revenue_365d AS DOUBLE) AS revenue_365d\n";
            project.edit("sql/calibration/rfm.sql", "    revenue_365d\n", inexact)
        },
        command: &NIGHT,
        mended: |project| {
            let exact = "AS DECIMAL(28, 2))";
            project.edit("sql/calibration/rfm.sql", "AS DOUBLE)", exact)
        },
        again: &NIGHT,
    }]);
}

/// What the day's files lack, delivered.
#[test]
fn of_a_day_without_rows() {
    try_all(&[Remedy {
        help: "run again when the partition is there",
        broken: |project| project.withhold("orders", 6),
        command: &NIGHT,
        mended: |project| project.deliver("orders", 6, &Rows::orders(6)),
        again: &NIGHT,
    }]);
}
