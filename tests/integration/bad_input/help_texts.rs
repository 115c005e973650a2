//! Every text that tells somebody what to do, and the test that does it and sees that it helps.
//!
//! A text of `src` tells so when it is given to `help`, when one of its clauses begins with such a
//! word as `restore`, or when it names a command. A new one fails [`every_help_text_is_listed`] until
//! it is in one of three lists, by a piece of it as it is written in the source, gaps included:
//! [`APPLIED`] under the test that applies it, [`NOTHING_TO_DO`], or [`UNTRIED`] with the reason.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// A comment, a string or a character of Rust; the strings are captured.
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    let token = r##"(?s)//[^\n]*|r#"(.*?)"#|r"([^"]*)"|"((?:\\.|[^"\\])*)"|'(?:\\[^']+|[^\\'])'"##;
    Regex::new(token).unwrap()
});

/// What stands before a string that is help.
static GIVES_HELP: LazyLock<Regex> = LazyLock::new(|| {
    let before = r"(?:\.help\(|help(?:: &str)? =|help:|HELP: &str =)\s*(?:format!\(\s*)?$";
    Regex::new(before).unwrap()
});

/// What tells somebody to do something.
static TELLS: LazyLock<Regex> = LazyLock::new(|| {
    let verbs = "add|bring|CAST|cast|check|compute|correct|declare|delete|deliver|divide|drop|export|filter|fix|free|give|go|join|keep|LEFT JOIN|let|list|lower|make|move|name|order|publish|pin|put|raise|rank|read|remove|rename|restate|restore|retype|rewrite|run|save|say|select|set|sort|split|take|type|undo|use|wait|withdraw|write";
    let clause = r"(?:^|[;:,] (?:or |and |otherwise |first |then )?|\bor )";
    let command = "`tierline [a-z]|tierline backfill|--rules today|the same command";
    Regex::new(&format!(r"{clause}`?(?:{verbs})\b|{command}")).unwrap()
});

/// A gap that a value fills.
static GAP: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\{[^{}]*\}").unwrap());

/// A line that goes on below in the middle of a string.
static LINE_END: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\\\n\s*").unwrap());

/// Tests by the end of their path, and the texts that they apply.
const APPLIED: &[(&str, &[&str])] = &[
    (
        "cluster::what_is_no_cluster_is_told",
        &["no scheduler's URL; write it as http://host:50050"],
    ),
    (
        "certificates::ends_that_do_not_trust_each_other_are_told_at_once",
        &[
            "give scheduler, executors and nights certificates of one CA, for the names that they are reached by",
        ],
    ),
    (
        "certificates::certificates_that_do_not_fit_are_told_with_the_remedy",
        &[
            "wants certificates; give their files as TIERLINE_TLS_CA, TIERLINE_TLS_CERT and TIERLINE_TLS_KEY",
            "is not encrypted; write https:// for http://, or unset TIERLINE_TLS_CA, TIERLINE_TLS_CERT and TIERLINE_TLS_KEY",
            "give all three of TIERLINE_TLS_CA, TIERLINE_TLS_CERT and TIERLINE_TLS_KEY, or none",
            "; name a file in PEM format that is",
        ],
    ),
    (
        "cluster::a_scheduler_without_executors_is_told",
        &["start one with `tierline executor --scheduler"],
    ),
    (
        "client::a_task_that_would_never_be_begun_is_refused",
        &["lower `ranges` under [engine], or make reference files smaller"],
    ),
    (
        "cluster::a_lost_cluster_is_told_within_a_minute_and_the_next_run_finishes",
        &[
            "nothing of it is published: run the same command again",
            "start it with `tierline scheduler`, or run without --cluster",
        ],
    ),
    (
        "job_file::a_cluster_needs_a_tierline_that_knows_clusters",
        &["take one that was built with `--features cluster`, or take `cluster` out of [engine]"],
    ),
    (
        "maintain::old_dates_keep_their_users_on_the_last_of_each_month",
        &[
            "rows follow on snapshots of up to four weeks before; name a date after {until}",
            "restore the files from a copy, or withdraw the dates for good",
        ],
    ),
    (
        "doctor::what_keeps_nights_from_running_is_told_beforehand",
        &[
            "lower memory_limit_mib under [engine] to 60 % of it, or leave it out",
            "raise memory_limit_mib under [engine] to 256 or more: a night of some thousand users needs it",
            "`tierline backfill --affected` makes these dates again",
        ],
    ),
    (
        "doctor::a_source_that_is_not_there_and_a_pack_with_problems_are_told",
        &[
            "`tierline check` shows the lines",
            "check `url` of the source, and the permission to list it",
        ],
    ),
    (
        "doctor::an_output_is_of_one_job",
        &[
            "give this job an output of its own; if it is the same job by another name, write name = \"{owner}\" in its file, or remove that record",
            "restore it from a copy, or remove it, and the next run makes it again",
        ],
    ),
    (
        "job_file::whoever_has_made_a_demo_is_told_where_its_job_is",
        &[
            "call it in the folder of the demo, `cd tierline-demo`, or name the demo's job file, tierline-demo/jobs/demo.toml",
        ],
    ),
    (
        "job_file::a_job_has_a_name",
        &["name the job, or leave it out: then it is called as its file is"],
    ),
    (
        "report::what_a_report_cannot_be_is_told_with_the_remedy",
        &[
            "write lang = \"en\" or lang = \"zh\"",
            "name the earlier of the two dates by --from",
            "name a file that can be written, and see that there is room for it",
        ],
    ),
    (
        "reference::other_separators_are_named",
        &["save it as CSV with commas"],
    ),
    (
        "reference_values::columns_that_cannot_be_told_apart_are_named",
        &[
            "give each a name in the first line, or take its values out",
            "give one of them another name, or take it out",
        ],
    ),
    (
        "reference_values::numbers_in_other_digits_are_named",
        &["write it in the digits 0 to 9, at most 18 of them"],
    ),
    (
        "lineage::where_nobody_is_told_is_said_with_the_remedy",
        &[
            "give url = \"http://marquez:5000\", or file = \"lineage.jsonl\"",
            "give the path of a file in a folder that is there, such as file = \"lineage.jsonl\"",
            "give the URL of a server, such as url = \"http://marquez:5000\"; an API key is taken from OPENLINEAGE_API_KEY",
        ],
    ),
    (
        "pings::what_is_no_url_is_told_and_ends_nothing",
        &["give the ping URL of a check, such as https://hc-ping.com/your-uuid"],
    ),
    (
        "remedies::of_names",
        &[
            "did you mean `{near}`?",
            "write folder and name, such as features.users",
            "the folders are {}",
            "{reader} may read {}",
            "parameters are declared, with their defaults, in parameters.toml of the SQL pack",
            "windows are '30d', 'prev_30d', 'lifetime', 'before_today', and single days",
            "name each window once",
            "write windows('rollups.<name>', '30d', 'lifetime', ...)",
            "move the file to staging, rollups, features, tiers, publish or audits",
            "name the file with lowercase letters, digits and underscores",
            "publish/ holds {files}.sql; what they read belongs in features or tiers",
        ],
    ),
    (
        "remedies::of_statements_and_types",
        &[
            "read them once in each step, or group between the steps",
            "a model is one SELECT; tables are created and written by tierline itself",
            "a model is one SELECT; put the other into a file of its own",
            "use $snapshot_date for today",
            "filter by a column instead of sampling",
            "the one table function is windows('rollups.<name>', '30d', ...)",
            "declare it under [sources] in the job file and read it as sources.<name> in a staging model",
            "give one of them another name with AS",
            "CAST one side to the type of the other",
            "CAST the other side, or correct the value",
            "set {} to a value of type {expected} under [params] in the job",
            "CAST them to what it takes",
            "lists stand in IN ({name}) or NOT IN ({name})",
            "join ON a.user_id = b.user_id, and select COALESCE(a.user_id, b.user_id) AS user_id",
        ],
    ),
    (
        "own_tables::what_is_wrong_with_a_table_is_told_with_the_remedy",
        &[
            "give yours another name",
            "use lowercase letters, digits and underscores, a letter first",
            "list the columns that tell its rows apart, such as key = [\"user_id\"]",
            "name it once",
            "leave it out: a dated table has that column",
            "write that file into the SQL pack, one SELECT, or take the section out",
            "the job uses the pack built into tierline: write it out with `tierline init`",
            "select it, or correct `{key}` of [tables.{}] in the job",
        ],
    ),
    (
        "calibrate::comparison_keeps_nothing_unless_told_to",
        &[
            "the new cut points are provisional: `{metric}` counts from {counts_from} on, and there is nothing before {first_day}; from {full_from} on another calibration is worth making, by `tierline calibrate`",
        ],
    ),
    (
        "calibrate::cut_points_of_a_short_history_are_told_once_it_is_long_enough",
        &[
            "the cut points {} were made on a short history, which is long enough since {until}: compare them with new ones by `tierline calibrate`",
        ],
    ),
    (
        "own_tables::a_key_that_does_not_hold_blocks_the_night",
        &["needs a key of its own"],
    ),
    (
        "demo::a_demo_is_not_mixed_with_another",
        &["name another folder, or delete that one"],
    ),
    (
        "export::what_is_published_is_exported",
        &[
            "its columns are {}",
            "the tables of {date} are {list}",
            "it may use the columns of the table; what needs more belongs in a table of your own",
            "give the file the ending of its format, or name a folder",
            "name a folder",
            "name a folder by --to",
            "it is one of {}",
            "leave such rows out by CASE, use TRY_CAST, or divide by NULLIF(..., 0)",
            "name a folder of its own, so that the files are not read as a part of it",
            "leave it out, or give --format csv",
            "give an earlier one, or leave --from out",
            "leave --from out",
            "write a day as DATE '2026-10-01', or CAST the other side",
        ],
    ),
    (
        "remedies::of_lookups",
        &["LEFT JOIN its table in FROM and select the column; where several of its rows"],
    ),
    (
        "remedies::of_staging_and_rollups",
        &[
            "a staging model selects day and user_id beside its own columns",
            "write {}, or the same with BIGINT, alike in all staging models",
            "write {}",
            "CAST({of} AS {sql_type}) AS {column}",
            "CAST(... AS {sql_type}) AS {column}",
            "write CAST(... AS TIMESTAMP) for text",
            "select the aggregates one by one and compute with them in a feature model",
            "rollups may use COUNT, SUM, MIN, MAX, AVG",
            "write {name}(CAST(... AS DECIMAL(18, 2)))",
            "write CAST(... AS DECIMAL(18, 2)), or COUNT(DISTINCT x)",
            "write {LAST_N_DISTINCT}(x, 3 ORDER BY ..., x)",
            "write {LAST_N_DISTINCT}(x, 3 ORDER BY t, x)",
            "list the columns there in place of `*`, or give one of them another name with AS",
            "write MIN(x), or LAST_VALUE(x ORDER BY ..., x)",
            "write MEDIAN or PERCENTILE_CONT in a feature model",
            "sum x, y, x * y and the squares as DECIMAL",
            "count one value: concat_ws('|', x, y)",
            "a rollup is one SELECT user_id, <aggregates> ... GROUP BY user_id over one staging table",
            "write {name}({shown}{limit} ORDER BY {order}, {shown}): a tie-breaker last",
        ],
    ),
    (
        "remedies::of_rules_and_references",
        &[
            "add a WHEN for them, or an ELSE: every user needs a value",
            "the first match wins: put the narrower condition first, or take the branch out",
            "list it in reference/dim_tier.csv, or in the job where it has [dimensions.{}]; or give one of: {}",
            "add a WHEN that gives it, or take it out of dim_tier",
            "it has {}",
            "give it min_total and max_total",
            "correct the bounds, or take the band out",
            "it is the tier of users without a counting order",
            "it needs the columns tier, and min_total and max_total with whole numbers",
            "a reference file is CSV with a header line and as many values on every line",
            "select the column there, or take the dimension out of dim_tier",
            "list its values under [dimensions.{name}] in the job",
            "the job's dimension `{name}` is read from it, one row per user: user_id and {name}",
            "add tiers/{name}.sql to the SQL pack, with one row per user: user_id and {name}",
            "rank all tiers of a dimension, or none",
            "list each value of a dimension once",
            "name it: `... AS saved_not_bought`",
            "give every row of dim_tier a dimension and a tier",
            "grace delays demotions, which only ranked dimensions have; of others [hold_days] delays every change",
            "hold is for dimensions without ranks; of ranked ones [grace_days] delays demotions",
        ],
    ),
    (
        "remedies::of_the_job",
        &[
            "use an IANA name such as UTC, Asia/Shanghai or Europe/Berlin",
            "this tierline reads version {VERSION}",
            "the keys here are {}",
            "add [sources.{name}] with the url of its dt=YYYY-MM-DD partitions",
            "add {example}",
            "types are BIGINT, VARCHAR, ID (BIGINT or VARCHAR, as the files have it)",
            "use an integer, a decimal number, a text, true, false, a date, or a list of texts or integers",
            "parameters are declared, with their defaults, in {}",
            "give a fraction, such as 0.05 for 5 %",
            "give \"*\" for all files, or an ending such as \"*.parquet\"",
            "give the name of the file that a partition has once it is whole, such as \"_SUCCESS\"",
            "give \"wait\", to end with exit code 4 until it is, or \"warn\"",
            "such as keeps = \"400 days\"",
            "write how long a night may take, such as time_limit",
            "write how long they are kept, {least} days or longer, such as {key} = \"90 days\"",
            "give the folder that has all dt=YYYY-MM-DD partitions in it",
            "give fewer, and write lists by `tierline export --table actions`",
            "which readers of Delta tables take for another character; rename the folder",
            "list them from the lowest to the highest, such as tiers = [\"low\", \"high\"]; add ranked = false",
            "attributes of users come from [sources.users.profile]",
            "take it out of the URL",
            "use file:///path, s3://bucket/path or a path relative to the job file",
            "keep one of the two",
            "give four numbers, each greater than the one before it, such as [7, 30, 90, 180]",
            "give a text such as \"2026-11-20-v1\"",
            "give those of every metric, such as {first} = [1, 2, 4, 8], or of none",
            "`sql` in the job file names the folder of the SQL pack; leave it out for the built-in pack",
        ],
    ),
    (
        "remedies_together::of_metrics_that_are_none",
        &["write a metric of publish/kpi_daily.sql, unless only earlier dates have this one"],
    ),
    (
        "pings::what_is_no_url_is_told_and_ends_nothing",
        &["has a user name or a password in it"],
    ),
    (
        "remedies_together::of_characters_and_statements",
        &[
            "let its name end in .{}",
            "move the file to reference, whose own folders are not looked into",
            "write OVER with that name alone, or write its PARTITION BY and ORDER BY out",
            "save it as UTF-8 without a byte order mark (BOM)",
            "delete it: what is shown is not what is run",
            "delete it, or retype the line",
            "write texts in straight single quotes: 'text'",
            "write texts in 'single' quotes and names in \"double\" quotes, both straight",
            "type an ordinary space",
            "a model is one SELECT",
            "write each level as a common table expression of its own, or deliver the pairs as a CSV of reference/",
            "a rollup is one SELECT ... GROUP BY user_id over one staging table",
            "it may depend on today's sources only; read what was published before in {marts} or an audit",
        ],
    ),
    (
        "remedies_together::of_queries_and_values",
        &[
            "put it into WHERE, or LEFT JOIN what it selects and ask whether its column IS NOT NULL",
            "add a WHEN for them, or an ELSE; write ELSE NULL if no value is intended",
            "take the ELSE out, or narrow a condition",
            "select the column there, or take the warning out of dim_tier",
            "write {name}(CAST(... AS DECIMAL({MOST_DIGITS}, {scale})))",
            "write {name}(CAST(... AS DECIMAL({MOST_DIGITS}, 0)))",
        ],
    ),
    (
        "remedies_together::of_dim_tier_and_the_job",
        &[
            "list each warning once",
            "list it in one of the two places",
            "it needs the columns dimension and tier (VARCHAR) and rank (BIGINT)",
            "the metrics are the columns of the calibration model: {known}",
            "give \"refuse\", to end with exit code 3, or \"skip\", to run without them",
            "`tierline init` writes the whole pack to start from",
            "write true or false",
            "give one of the two lines another, or take it out: what is joined with both counts twice",
        ],
    ),
    (
        "remedies_together::of_warnings",
        &[
            "write ${name} where it is to decide something, or take it out",
            "read it where its columns belong, or remove the file",
            "select it in {}, or rename it there to the column that it stands for, or take it out",
            "end its ORDER BY in a key, such as user_id or order_id: the same rows then come in the same order every night",
            "give it the name of a metric, or add the metric to publish/kpi_daily.sql",
            "add a line {name}{labels} to reference/dim_metric.csv, with its labels between the commas, for people to read more than its name",
            "add a line warning,{name}{labels} to reference/dim_tier.csv, with its labels between the commas, for people to read more than its name",
            "make it true or false, such as {name} > 0, or select it in publish/tier_snapshot.sql from where it comes",
            "give it another name, unless that is meant",
            "select warnings.{name} in publish/tier_snapshot.sql",
            "write MIN(x) or MAX(x), or FIRST_VALUE(x ORDER BY ..) by a key, such as user_id or order_id",
            "CAST what is summed, such as SUM(CAST(x AS DECIMAL(18, 6))): sums of DECIMAL are exact",
            "compute it in a rollup, which does so exactly, or from COUNT(*), SUM(x) and SUM(x * x) of DECIMAL",
            "write critical for what is to be looked into today, warning for this week, info for no hurry",
            "write up where more is better, down where less is, none where neither is",
            "write WHEN '{action}' THEN and who is to get it into its WHERE, or take the line out",
        ],
    ),
    (
        "remedies_together::of_conditions_and_warnings",
        &[
            "a section stands once in a file, and a key once in its section: join the two",
            "compare days with days, such as DATE '2026-10-01', or count them: $snapshot_date - day",
            "WHEN needs what is true or false: compare it, as in WHEN x > 0",
            "a subquery in [..] or {..} knows no table of WITH: compute its value in a table of WITH, and name the column here",
            "write such a number in plain digits, or leave the cell empty",
            "give the warning another name",
            "make it true or false where it comes from, in tiers/warnings.sql as a rule, or take it out of dim_tier",
        ],
    ),
    (
        "references::channels_that_no_action_has_are_refused",
        &["correct it, or add a line for it to reference/{CHANNELS}.csv"],
    ),
    (
        "remedies_together::of_kpis_and_actions",
        &[
            "give it a {column}, or take the line out",
            "give {most} at most",
            "leave the capacity empty",
            "CAST them to one type; structs have the same fields in the same order, of the same types",
            "write a value of that type; values of one column or of one [..] are cast to one type",
            "the name before the point is a column's: name the table that has what stands behind it, which may be misspelt",
            "CAST in a table of WITH, under a name of its own, and aggregate that",
            "CAST them to what it takes, and give it as many as it takes",
            "{meant} {window}",
            "For another window, add '{window}' to windows(..) in FROM",
            "For another window, add '{window}' to windows(..) in the model of features/ that selects these, and `{column}` to what it selects",
        ],
    ),
    (
        "remedies_together::of_sizes",
        &[
            "put values into a CSV of reference/ and join it, and split the model into several",
            "compute parts of it in a WITH or in another model, and write many OR as one IN",
            "put the values into a CSV of reference/ and join it",
            "put the rows into a CSV of reference/, or select them by one WHERE",
            "split the model into several",
        ],
    ),
    (
        "remedies_together::of_the_size_of_the_job",
        &["values that SQL looks up belong in a CSV of the SQL pack's reference/"],
    ),
    (
        "statements::models_that_double_are_told_before_anybody_waits",
        &["read each model once: select from it all that is needed, instead of joining it again"],
    ),
    (
        "encodings::files_that_are_not_utf8_are_told_by_line",
        &["save the file as UTF-8"],
    ),
    (
        "encodings::characters_that_nobody_sees_are_told_at_their_place",
        &["delete it, or retype the line"],
    ),
    (
        "remedies_of_nights::of_arguments",
        &[
            "`tierline init` writes a job file to start from",
            "name the one you mean by its path",
            "name a job file, or let `tierline init` write one to start from",
            "name one of them",
            "give a --from that is not after --to",
            "the published tables are {}",
            "leave it out",
            "give one such as 2026-11-20",
            "give a date such as 2026-11-21 or an instant with an offset such as 2026-11-21T02:00:00+08:00",
            "; give a date such as 2026-11-21",
        ],
    ),
    (
        "remedies_of_nights::of_what_is_published",
        &[
            "publish a date first: {run}",
            "or publish it: {run}",
            "the dimensions of {} are {known}",
            "leave --dimension out to see how many have it; tier_migration has who it was raised and cleared for",
            "`tierline run --date {date}`",
            "`tierline run`",
            "give two published dates, the earlier one as --from",
            "as `tierline init` writes them, and publish the date again: `tierline run --date {date}`",
        ],
    ),
    (
        "show::moves_between_any_two_dates_and_one_user_are_shown",
        &["check the id, or name another published date with --date"],
    ),
    (
        "remedies_of_nights::of_rows_that_sql_cannot_compute",
        &[
            "divide by NULLIF(..., 0)",
            "CAST a side AS DECIMAL(38, 0) before computing",
            "CAST what is summed AS DECIMAL({MOST_DIGITS}, 0)",
            "write TRY_CAST({expression} AS {sql_type})",
        ],
    ),
    (
        "remedies_of_nights::of_metrics_that_are_not_exact",
        &["CAST it AS BIGINT or DECIMAL: cut points are exact"],
    ),
    (
        "remedies_of_nights::of_audits",
        &[
            "add the value there, or fix the tier model",
            "each feature and tier model must have one row per user",
            "whoever is not to be there is left out in features/users.sql",
            "or raise the guard for this run",
            "; check inputs and SQL, or raise the guard for this run",
        ],
    ),
    (
        "remedies_of_runs::of_a_date_in_the_future",
        &["the job may say `future_dates = true` under [guards]"],
    ),
    (
        "remedies_of_runs::of_a_calibration_record",
        &[
            "restore it, or pin another id",
            "use the tierline that wrote it, or pin another id",
            "rename it to `{id}.json`",
        ],
    ),
    (
        "remedies_of_runs::of_a_calibration_record_that_is_gone",
        &[
            "restore it from a copy, or say under [calibration] of the job by which cut points users are scored from now on",
        ],
    ),
    (
        "results::a_result_that_cannot_be_written_is_a_failure",
        &["check the folder and the space left: what the command published stays published"],
    ),
    (
        "export::what_is_published_is_exported",
        &[
            "name a folder of its own for the export, or delete that file if it is one's remains",
            "split by a column of few values, such as action or channel",
        ],
    ),
    (
        "signals::memory_that_is_used_up_is_named_by_its_setting",
        &["raise `memory_limit_mib` under [engine] as far as the machine allows, lower `threads`"],
    ),
    (
        "exhausted::so_is_room_on_disk",
        &[
            "raise `spill_limit_mib` under [engine] as far as the disk allows, raise `memory_limit_mib`",
        ],
    ),
    (
        "remedies_of_runs::of_a_new_calibration",
        &[
            "To keep the new cut points as {id}, run this with --yes.",
            "tierline backfill {} --from {first} --to {last}",
        ],
    ),
    (
        "remedies_of_runs::of_a_snapshot_without_users",
        &["check the sources' urls and partitions, and what sql/staging leaves out"],
    ),
    (
        "remedies_of_runs::of_users_that_cannot_be_told_apart",
        &[
            "that no five groups can be made; give the cut points by hand: a section `[calibration]` in the job file",
        ],
    ),
    (
        "remedies_of_runs::of_a_store_that_refuses_writes",
        &[
            "cannot create table `{table}` at `{folder}`; check the permissions",
            "check the endpoint, the permissions and the space left",
            "check {}, and that its folder is whole",
        ],
    ),
    (
        "remedies_of_runs::of_a_store_that_does_not_answer",
        &[
            "set AWS_ALLOW_HTTP=true to allow it",
            "take them out of it: credentials have variables of their own, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ],
    ),
    (
        "changes::answers_that_do_not_come_whole_are_failures_of_the_store",
        &["cannot read {file}; check {}"],
    ),
    (
        "changes::file_that_is_overwritten_between_two_reads_is_named_and_leaves_no_tile",
        &["changed while it was read; run again"],
    ),
    (
        "changes::file_that_is_removed_while_it_is_read_is_named",
        &["was removed since it was listed; run again"],
    ),
    (
        "remedies_of_files::of_columns",
        &[
            "deliver the column, or map another one in {staging_file} and declare it under [sources.{source}.columns]",
            "deliver it as {}, or declare its type under [sources.{source}.columns] and CAST it in staging SQL: CAST({} AS {})",
            "deliver it as BIGINT or VARCHAR, or declare {column} = \"VARCHAR\" under [sources.{source}.columns]",
            "deliver one of them",
            "or declare {name} = \"VARCHAR\" under [sources.{source}.columns] and write TRY_CAST({name} AS {column_type}) for it in staging SQL",
        ],
    ),
    (
        "remedies_of_files::of_a_declared_column_that_files_lack",
        &[
            "deliver the column, or declare it as {column} = { type = \"{}\", optional = true } under [sources.{source}.columns] if files may lack it",
            "the file has: {}; {remedy}",
        ],
    ),
    (
        "remedies_of_files::of_files_without_a_footer",
        &[
            "deliver the file again",
            "if it holds no rows, begin its name with _, or set files = \"*.parquet\" under [sources.{source}]",
            "deliver it without encryption",
        ],
    ),
    (
        "remedies_of_files::of_ids_of_two_types",
        &[
            "deliver one type in all files, or declare {column} = \"VARCHAR\" under [sources.{source}.columns]",
            "deliver one type in all sources, or write {cast} here",
        ],
    ),
    (
        "remedies_of_files::of_files_and_folders",
        &[
            "put them below folders such as dt=2026-11-20; names of files and folders that start with _ or . are skipped",
            "put them below a folder such as dt=2026-11-20, or leave such partitions out with odd_days = \"skip\" under [sources.{source}]",
            "put them below the folder of the one day that their rows are of",
            "rename it, or remove it if it is no data",
            "deliver Parquet in folders dt=YYYY-MM-DD, as DuckDB writes it with COPY",
        ],
    ),
    (
        "remedies_of_files::of_what_is_left_out",
        &[
            "if no writer is at work, remove them: {}",
            "left out; rename or remove it: {names}",
        ],
    ),
    (
        "remedies_of_files::of_a_job_inside_a_partition",
        &["give the folder that has all dt=YYYY-MM-DD partitions in it as the url of the source"],
    ),
    (
        "remedies_of_files::of_days_that_are_not_there_or_not_whole",
        &[
            "run again when the partition is there, or set required = false for the source",
            "run again when the partition is whole, or set incomplete = \"warn\" for the source",
            "run again when the partitions are there and whole, or set required = false or incomplete = \"warn\" for the source",
        ],
    ),
    (
        "remedies_of_files::of_what_files_hold",
        &[
            "deliver NULL in its place, or an instant up to 9999-12-31",
            "write them in UTF-8",
            "write it with ZSTD or SNAPPY",
        ],
    ),
    (
        "ids::number_that_may_be_another_is_refused_by_column",
        &[
            "deliver whole numbers or texts, or, to take it as it is, declare {name} = \"DOUBLE\" under the columns of the source and write CAST(CAST({name} AS DECIMAL(38, 0)) AS VARCHAR) AS {name} in staging SQL",
        ],
    ),
    (
        "ids::number_beyond_bigint_is_refused_with_a_type_that_ids_can_have",
        &["has a number beyond 9223372036854775807; declare it as {types}"],
    ),
    (
        "links::source_that_is_a_circle_is_refused",
        &["let it lead to the folder of the source"],
    ),
    (
        "links::links_that_are_no_data_may_be_removed_or_lead_elsewhere",
        &[
            "run again when what it leads to is there, or remove it if it is no data",
            "remove it, or let it lead to files or a folder that it does not lie in",
        ],
    ),
    (
        "links::what_is_no_file_of_a_day_is_refused_unopened",
        &["remove it, or put the file there itself"],
    ),
    (
        "links::what_is_nobodys_data_is_told_and_left_out",
        &[
            "in a circle and {} left out; remove {}: {names}",
            "nowhere and {} left out; remove {}, or restore the files: {names}",
            "in source `{source}` {} left out; remove {}: {names}",
        ],
    ),
    (
        "links::pack_is_not_read_without_what_its_links_lead_to",
        &["restore what it leads to, or remove it"],
    ),
    (
        "remedies_of_logs::of_tables_that_are_not_read",
        &[
            "drop the feature (ALTER TABLE ... DROP FEATURE), or export the table as plain Parquet by day",
            "export the table as plain Parquet by day, or as a Delta table without column mapping",
            "export the table as plain Parquet by day",
            "write it partitioned by dt, a DATE or text such as 2026-11-20",
            "make a deep clone, or export the table as plain Parquet by day",
            "rewrite such files (REORG TABLE ... APPLY (PURGE)), or export the table as plain Parquet by day",
            "give its rows a day such as 2026-11-20, delete them, or leave them out with odd_days = \"skip\" in the source's section",
            "leave `ready` of the source out",
        ],
    ),
    (
        "remedies_of_logs::of_logs_that_are_not_whole",
        &[
            "run again when its writer is done; if that died, remove the file or restore it from a copy while no writer is at work",
            "run again when the table is written; if it is a folder of files and no table, remove `{log}`",
            "restore the log from a copy, or rewrite the table",
            "run again, in case the table changes just now, or restore the file",
        ],
    ),
    (
        "remedies_of_logs::of_tables_around_a_source_and_in_it",
        &[
            "give the url of the table itself, and it is read by its log",
            "export it as plain Parquet, into folders such as dt=2026-11-20, or as a Delta table partitioned by dt, and give the url of that",
        ],
    ),
    (
        "remedies_of_tables::of_tables_that_are_gone",
        &[
            "which is not there: somebody has dropped the table, or cleaned up its log; restore it from a copy, or publish to a new output",
            "restore its `_delta_log` from a copy, or publish to a new output",
            "bring them back, or delete `{record}",
            "restore it from a copy, or delete it if nobody has removed commits from the log of `publications`",
            "from a copy, `_delta_log` included, or publish to a new output; where all tables are a copy of an earlier time, delete `{record}`",
            "restore the table or publish to another output",
            "cannot be restored, as a vacuum has removed its files: restore `{folder}` from a copy, or publish to a new output",
        ],
    ),
    (
        "remedies_of_tables::of_logs_that_are_damaged",
        &[
            "only where no publication names its version, delete it and run its date again with `tierline run --date`",
            "a commit of table `{table}`, is gone, and later ones are there: somebody has removed it; restore it from a copy, or the whole folder of the table",
            "a file of table `publications`, is gone: somebody has removed it; restore it from a copy, or the whole folder of the table",
            "delete it and `_last_checkpoint` beside it: the commits say the same",
        ],
    ),
    (
        "remedies_of_tables::of_data_files_that_are_gone_or_damaged",
        &[
            "is gone, so that its rows can be neither read nor put back; restore it from a copy{}",
            ", or withdraw the date, `tierline withdraw --date {date}`, and run it again",
            "make that date again first, by `tierline backfill --affected` or `tierline run --date {date}`, or restore the file from a copy",
            "restore it from a copy, or delete it and publish its date again",
            "; restore it from a copy, or use the tierline that wrote it",
            "restore it from a copy, or go on from the files there are with --accept-shorter-history",
            "; check {}",
        ],
    ),
    (
        "foreign_changes::publications_that_somebody_else_deleted_from_are_refused_and_nothing_is_undone",
        &[".restore({before})` of the deltalake package"],
    ),
    (
        "foreign_changes::rows_that_somebody_else_added_are_taken_out_and_told",
        &["its rows are as published again; to take a date back, use `tierline withdraw`"],
    ),
    (
        "remedies_of_columns::of_types_that_readers_cannot_open",
        &[
            "cast it to INT",
            "cast it to BIGINT",
            "give it a type, such as CAST(NULL AS VARCHAR)",
            "cast it to DATE, or write arrow_cast(.., 'Timestamp(Microsecond, Some(\"UTC\"))')",
            "cast it to DATE",
            "cast it to REAL",
            "cast it to DECIMAL(p, s) with 0 <= s <= p <= 38",
            "publish a number of seconds or days as BIGINT",
            "publish text, such as encode(.., 'hex')",
            "publish one column of a simple type for each part that readers need",
        ],
    ),
    (
        "remedies_of_columns::of_columns_that_change",
        &[
            "cast it back, or give it a new name and drop the old one with `--drop-columns {table}.{column}`",
            "cast it to what it was, or give it a new name",
            "take it out of the SQL, or out of `--drop-columns`",
        ],
    ),
    (
        "remedies_of_columns::of_ids_of_another_type",
        &[
            "for * in users.sql, or publish to a new folder, `output` in the job file, and make its dates with `tierline backfill`",
        ],
    ),
    (
        "remedies_of_columns::of_a_table_without_rows",
        &["has no rows and would replace what is published; check the inputs and the SQL"],
    ),
    (
        "remedies_of_columns::of_values_that_sql_cannot_compute_with",
        &[
            "correct the pattern, or leave rows whose pattern is not one out by CASE",
            "leave the rows of which it cannot be computed out by CASE, or give them a reject_reason in staging",
            "CAST to a wider one before computing, or give rows that cannot be right a reject_reason in staging",
        ],
    ),
    (
        "columns::missing_column_is_refused_with_the_command_that_drops_it",
        &[
            "select it again, or run it again with `--drop-columns {table}.{column}`",
            "to drop what is missing, give the same command once more with `--drop-columns {columns}`",
        ],
    ),
    (
        "casts::of_a_comparison_of_numbers_that_are_not_whole",
        &["write CAST({expression} AS DECIMAL(18, 2)), also where it is compared with a number"],
    ),
    (
        "rules_of_then::a_lost_record_of_rules_keeps_its_own_dates_as_they_are_and_no_others",
        &["restore it from a copy, or restate by today's with --rules today"],
    ),
    (
        "remedies_of_history::of_expired_days",
        &[
            "restore the raw files of these days{remedy}, or go on with --accept-shorter-history",
            ", put the SQL and the parameters back",
            ", put the reference file back",
        ],
    ),
    (
        "remedies_of_history::of_a_feature_over_expired_days",
        &[", read them through windows(..) of a rollup, or add a condition on day"],
    ),
    (
        "remedies_of_history::of_doubtful_days",
        &[
            "say how long raw files are kept in the job file, such as keeps = \"400 days\" in the source's section",
            "restore them, {keeps}",
            "remove them if it has expired, restore what it had",
        ],
    ),
    (
        "remedies_of_history::of_files_that_are_not_read",
        &[
            "restore all files of a day to have them read",
            "remove them, or restore the files of the days that have expired",
            "restore the files unless they were removed on purpose",
        ],
    ),
    (
        "retention::a_source_that_is_read_across_days_is_needed_whole",
        &[", read the source day by day"],
    ),
    (
        "retention::a_file_that_was_removed_on_purpose_as_others_expire_is_taken_so_once_it_is_said",
        &["; where files were removed on purpose, say so once with --accept-removed-days"],
    ),
    (
        "volumes::a_day_that_collapsed_is_blocked_until_the_guard_says_that_it_is_meant",
        &["if it is meant to be so low, lower the guard for this run, to 0 for any volume"],
    ),
    (
        "volumes::a_volume_that_no_kpi_tells_is_said_not_to_be_judged",
        &["select it there, or set min_volume_share = 0 under [guards]"],
    ),
    (
        "audits::tier_whose_share_jumps_is_blocked",
        &["if that is meant, raise the guard for this run"],
    ),
    (
        "calibrate::users_nobody_could_calibrate_on_are_scored_by_cut_points_by_hand",
        &["wait for the first orders, or give the cut points by hand"],
    ),
    (
        "scores::fewer_than_five_frequencies_cannot_be_calibrated_on",
        &["wait for more history, or give the cut points by hand"],
    ),
    (
        "withdraw::date_that_filled_a_gap_is_made_the_newest_by_its_next_run",
        &["`tierline run --date {left}` makes the tables of the newest date."],
    ),
    (
        "withdraw::nothing_is_withdrawn_unless_it_is_confirmed_and_published",
        &[
            "to withdraw it, run the same command with --yes",
            "name one of them: a date that is not published needs no withdrawal",
        ],
    ),
    (
        "jobs::a_day_that_goes_on_is_not_run_unless_the_job_says_so",
        &[
            "; run it once it has, or say `future_dates = true` under [guards] if a part of a day is meant",
        ],
    ),
    (
        "conflict::run_that_was_overtaken_gets_a_conflict_and_changes_nothing",
        &["which this run was based on; run it again"],
    ),
    (
        "conflict::calibration_that_another_run_kept_first_leaves_no_drafts",
        &["another run has just written calibration `{id}`; run again"],
    ),
    (
        "crash::publication_that_arrives_after_its_time_out_is_neither_denied_nor_lost",
        &["may still arrive; run it again, it goes by what is there then"],
    ),
    (
        "withdraw::dates_after_a_withdrawn_one_are_restated",
        &["`tierline backfill --affected` restates the dates that follow on it."],
    ),
    (
        "rules_of_then::todays_rules_restate_where_they_are_asked_for",
        &["--rules today restates by today's"],
    ),
    (
        "backfill::missing_partition_stops_it_and_the_same_command_goes_on",
        &["; the same command goes on from there"],
    ),
    (
        "backfill::late_file_restates_the_dates_it_affects_and_no_other",
        &["`tierline backfill --affected` restates them, in the order of their dates"],
    ),
    (
        "lost_files::files_missing_of_older_dates_are_told_and_their_dates_made_anew",
        &[
            "; `tierline backfill --affected` makes these dates again, `tierline run --date` one of them",
        ],
    ),
    (
        "rerun::restated_older_date_leaves_current_on_the_newest_and_warns",
        &["published dates to restate: {}, from {} on; `tierline backfill --affected` does so"],
    ),
    (
        "maintain::what_nobody_needs_is_deleted_and_nothing_else",
        &[
            "to delete it, run the same command with --yes",
            "leave the date out, or read a table that keeps every date",
        ],
    ),
    (
        "rerun::gap_of_nights_is_warned_about",
        &["; `tierline backfill --from {first} --to {last}` does so"],
    ),
];

/// Texts that are found here and tell nobody to do anything.
const NOTHING_TO_DO: &[&str] = &[
    "The other folders are the job's own. What each table is: `tierline docs`.",
    "is not kept up. A tool that knows no Delta Lake needs `plain = true` under [output]",
    "<!-- `tierline docs` prints this page",
    "keep the tiles, they alone hold the rows",
    "deliver one, or name a date with --date",
    "deliver what is missing: the night of today ends with exit code 4",
    "deliver them if the source had rows then: a night that lacks its own day ends with exit code 4",
    "please report it",
    "keep as {}?",
    "in grace: lower today, and shown lower once that has lasted",
    "run {}, cut points {}",
    "withdraw {date}?",
    "delete all that?",
    "{date} has expired: `tierline maintain` has removed its users, as `daily` under [maintain] says",
    "`id` in [calibration] of the job pins others, `tierline calibrate` makes some",
    "the query is {}",
    "divide by zero",
    "tierline shows it and compares it from night to night",
    "the migration matrix and the summary sum it",
    "nothing to do: run {run_id} published this date from identical inputs",
    "`publish.dim_tier` cannot be used: {error}",
    "Try next:",
    "{}edit jobs/production.toml, then `tierline check`",
];

/// Texts that no test applies, by the reason.
const UNTRIED: &[(&str, &[&str])] = &[
    (
        "a cluster of two versions, of which there is one",
        &["let scheduler, executors and nights be of one version"],
    ),
    (
        "stdout that is a terminal",
        &["name a folder or a file by --to"],
    ),
    (
        "a command that goes on for 20 seconds once it is given up and has committed something",
        &["after tables had been committed; `tierline show` says what is published"],
    ),
    (
        "a process that takes gigabytes",
        &["give the job more memory, or let its SQL hold less at once"],
    ),
    (
        "tiles that hold expired days together with others, of sources that were moved",
        &[", or move the sources back to the paths that they had"],
    ),
    (
        "a later tierline, which nobody has",
        &["and what it wrote would be lost; go on with that one"],
    ),
    (
        "a store that takes minutes for a page",
        &["{} s they were not written; `tierline report --site` writes them"],
    ),
    (
        "what is said of every failure of a kind, beside the error that says it of this one",
        &[
            "`tierline check` finds all that is wrong without reading data",
            "run the same command again once the inputs are there",
            "run the same command again, which uses what this one has stored",
            "run the same command again: it goes on from what the other run did",
            "run the same command again; if that ends in the same way, check what the error names",
            "run the same command again; it uses what this one has stored",
            "run it again, and if it ends so again, please report this line",
        ],
    ),
    (
        "a machine and a store other than those of the tests",
        &[
            "let `output` be in a store whose listings are up to date",
            "let `output` be in a store that has them, such as Amazon S3 or a local disk, or switch them on in yours",
            "free some space, or set spill_folder under [engine] to another disk",
            "lower spill_limit_mib under [engine], free some space, or set spill_folder to another disk",
            "raise the limit of open files, as by `ulimit -n 4096` or LimitNOFILE=, and run the same command again",
            "raise the limit of processes, as by `ulimit -u`, TasksMax= or the pids limit of the container, and run the same command again",
            "raise the limit to 1024 or more, as by `ulimit -n 4096` or LimitNOFILE=",
            "set memory_limit_mib under [engine], or a night may be killed",
            "set spill_folder under [engine] to a folder on a disk",
            "set this machine's clock, as by NTP",
            "make it writable, or set spill_folder under [engine]",
        ],
    ),
    (
        "what the code keeps itself, whatever is in a job, its SQL and its store",
        &[
            "rename or drop all but one",
            "of type DATE; add it",
            "has no columns to store; select at least one",
            "sort by a column they hold",
            "is not among the table's columns; drop it",
            "is missing, and readers rely on it; select it again",
            "would become {}; cast it back",
            "select the date of the run",
            "add an ORDER BY",
            "publish to another table",
            "declare it in the job as [tables.",
            "user_id has another type than in the previous snapshot; publish to a new output",
            "use TRY_CAST, or give such rows a reject_reason in staging",
            "rename or remove it: {NAMES_MAY_NOT}",
            "where the newest files have numbers; deliver texts in these too",
        ],
    ),
    (
        "a disk that is full, and a store whose listings lag",
        &[
            "free some space and run it again",
            "check its space and permissions",
            "split by a column of fewer, or leave rows out with --where",
            "use a store whose listings show at once what was written",
        ],
    ),
    (
        "a moment that no test can choose: unit tests bring it about, and others run the night again",
        &[
            "run it again once the store answers, it goes by what is there then",
            "is not in storage; restore it from a copy, or publish its date again",
        ],
    ),
    (
        "what an earlier tierline has published",
        &[
            "publishes it from the files there are",
            "before rules were on record; --rules today restates it by today's",
        ],
    ),
];

/// Every piece in the lists.
fn listed() -> Vec<&'static str> {
    let of_tests = APPLIED
        .iter()
        .chain(UNTRIED)
        .flat_map(|(_, pieces)| *pieces);
    of_tests.chain(NOTHING_TO_DO).copied().collect()
}

#[test]
fn every_help_text_is_listed() {
    let (texts, listed) = (help_texts(), listed());
    let new = texts
        .iter()
        .filter(|(text, _)| !listed.iter().any(|piece| text.contains(piece)))
        .map(|(text, path)| format!("{path}: `{text}`: apply it in a test, and name that here"));
    assert_none(new);
    let old = listed
        .iter()
        .filter(|piece| !texts.keys().any(|text| text.contains(**piece)));
    assert_none(old.map(|piece| format!("no text has `{piece}` any more")));
}

/// Each is there, and its file has what the text says.
#[test]
fn the_tests_that_are_named_know_the_texts() {
    let files: Vec<(String, String)> = ["tests", "src"].into_iter().flat_map(sources).collect();
    let problems = APPLIED.iter().flat_map(|(test, pieces)| {
        let (module, function) = test.split_once("::").unwrap();
        let (file, function) = (format!("/{module}.rs"), format!("fn {function}()"));
        let mut found = files
            .iter()
            .filter(|(path, text)| path.ends_with(&file) && text.contains(&function));
        let Some((_, text)) = found.next() else {
            return vec![format!("there is no test {test}")];
        };
        let text = as_shown(text);
        let unknown = pieces.iter().filter(|piece| {
            let mut between = GAP.split(piece);
            !between.all(|between| text.contains(between))
        });
        unknown
            .map(|piece| format!("{test} does not know `{piece}`"))
            .collect()
    });
    assert_none(problems);
}

/// The texts of `src` that tell somebody to do something, and a file of each.
fn help_texts() -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for (path, code) in sources("src") {
        let is_for_tests = ["tests", "testing"]
            .iter()
            .any(|part| path.contains(&format!("/{part}")));
        let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let found = TOKEN.captures_iter(code).filter_map(|token| {
            let start = token.get(0).unwrap().start();
            let text = text_of(&token)?;
            let is_help = TELLS.is_match(&text) || GIVES_HELP.is_match(code[..start].trim_end());
            (is_help && text.trim().contains(' ')).then_some(text)
        });
        if !is_for_tests {
            texts.extend(found.map(|text| (text, path.clone())));
        }
    }
    texts
}

fn text_of(token: &Captures<'_>) -> Option<String> {
    let raw = token.get(1).or_else(|| token.get(2));
    let raw = raw.map(|raw| raw.as_str().to_owned());
    raw.or_else(|| Some(as_shown(token.get(3)?.as_str())))
}

/// What a string of Rust shows, or the strings in a whole file.
fn as_shown(written: &str) -> String {
    let joined = LINE_END.replace_all(written, "");
    let characters = joined.replace("\\\"", "\"").replace("\\n", "\n");
    characters
        .replace("\\\\", "\\")
        .replace("{{", "{")
        .replace("}}", "}")
}

/// The Rust files below a folder of the package: path and text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut files, mut folders) = (Vec::new(), vec![PathBuf::from(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(package.join(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            if package.join(&path).is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(package.join(&path)).unwrap();
                files.push((path.to_str().unwrap().to_owned(), text));
            }
        }
    }
    files
}

fn assert_none(problems: impl Iterator<Item = String>) {
    let problems: Vec<String> = problems.collect();
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}
