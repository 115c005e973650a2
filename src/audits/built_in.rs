//! The audits that every publication passes, whatever the SQL pack says.
//!
//! | audit | refuses |
//! |---|---|
//! | `snapshot_not_empty` | a snapshot without rows |
//! | `user_id_unique` | a user without an id, or with two rows |
//! | `<table>_key` | a mart with two rows of one key, or with NULL in it |
//! | `users_complete` | a snapshot whose users are not exactly those of `features.users` |
//! | `tiers_known` | a value that `dim_tier` does not list, NULL too |
//! | `matrix_opening`, `matrix_closing` | a matrix whose rows do not add up to the snapshot that it starts from, or its columns to today's |
//! | `moves_match_matrix` | moves, those of warnings aside, that are not the matrix off its diagonal |
//! | `users_within_bounds` | a snapshot that lost or gained too many users overnight |
//! | `tier_shares_within_bounds` | a tier whose share jumped overnight |
//! | `volume_as_usual` | a day of which a required source delivered far less than usual |
//!
//! A dimension that the previous snapshot does not have begins with this one, so there is nothing
//! to compare it with.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::ground::SqlSchema;
use crate::job::Guards;
use crate::tables::PublishedTable;
use crate::tiers::{Dimension, Dimensions};

/// The text of a built-in audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltIn {
    /// As reports and messages call it.
    pub name: Cow<'static, str>,
    /// Selects the rows that offend; none means that the audit passes.
    pub sql: String,
    /// What to do when rows come back.
    pub help: String,
}

/// What distinguishes tonight's tiers from those of the previous snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// The dimensions that it scored by other cut points.
    pub other_cut_points: BTreeSet<String>,
    /// The dimensions that it made by other rules.
    pub other_rules: BTreeSet<String>,
}

/// The audits of a snapshot; those that compare need a previous one. `volumes` are the KPIs that
/// say how much required sources delivered.
///
/// They read [`COUNTED`] besides the tables.
pub fn audits(guards: &Guards, compared: Option<&Compared>, volumes: &[String]) -> Vec<BuiltIn> {
    let mut audits = vec![
        snapshot_not_empty(),
        user_id_unique(),
        users_complete(),
        tiers_known(),
    ];
    if let Some(compared) = compared {
        audits.extend([
            matrix_adds_up("matrix_opening", "from_tier", OPENING),
            matrix_adds_up("matrix_closing", "to_tier", CLOSING),
            moves_match_matrix(),
            users_within_bounds(guards),
            tier_shares_within_bounds(guards, compared),
        ]);
    }
    if !volumes.is_empty() {
        audits.push(volume_as_usual(guards, volumes));
    }
    audits
}

/// The table in the folder of audits that holds the users of each tier, counted once for all
/// audits: snapshot (`today`, or the schema of an earlier one), dimension, tier, users.
pub const COUNTED: &str = "users_by_tier";

/// The query that gives the rows of [`COUNTED`], of today's snapshot and of those in the `earlier`
/// schemas.
///
/// It reads every dimension in each of them; where an earlier one does not have it, all its columns
/// must be NULL.
pub fn counted(dimensions: &Dimensions, earlier: &[SqlSchema]) -> String {
    let counts = dimensions.iter().flat_map(|Dimension { name, .. }| {
        let (dimension, tier) = (text(name), column(name));
        let since = column(&format!("{name}_since"));
        let today = format!(
            "SELECT 'today' AS snapshot, {dimension} AS dimension, {tier} AS tier, COUNT(*) AS users
             FROM publish.tier_snapshot GROUP BY {tier}"
        );
        // Whoever has a value has had it since some date: so it is for all users of a snapshot
        // that has the dimension, and for none of one that lacks it.
        let before = earlier.iter().map(move |schema| {
            format!(
                "SELECT '{schema}', {dimension}, {tier}, COUNT(*)
                 FROM {schema}.tier_snapshot WHERE {since} IS NOT NULL GROUP BY {tier}"
            )
        });
        std::iter::once(today).chain(before)
    });
    counts.collect::<Vec<_>>().join("\nUNION ALL\n")
}

/// A column's name as SQL takes it to the letter.
fn column(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL takes it to the letter.
fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// Holds for the rows of [`COUNTED`] whose dimension both snapshots have.
const IS_COMPARED: &str =
    "dimension IN (SELECT dimension FROM audits.users_by_tier WHERE snapshot = 'previous')";

fn snapshot_not_empty() -> BuiltIn {
    BuiltIn {
        name: "snapshot_not_empty".into(),
        sql: "SELECT COUNT(*) AS users FROM publish.tier_snapshot HAVING COUNT(*) = 0".to_owned(),
        help: "no source has a user on or before this date; check the sources' urls and partitions, and what sql/staging leaves out"
            .to_owned(),
    }
}

fn user_id_unique() -> BuiltIn {
    BuiltIn {
        name: "user_id_unique".into(),
        sql: "SELECT user_id, COUNT(*) AS rows FROM publish.tier_snapshot
              GROUP BY user_id HAVING user_id IS NULL OR COUNT(*) > 1"
            .to_owned(),
        help: "a join in the SQL pack multiplies users or loses their ids; each feature and tier model must have one row per user".to_owned(),
    }
}

/// The audit of a mart's key, of which users may be a part: its rows are counted, and none shown.
pub fn key_is_unique(table: &PublishedTable) -> BuiltIn {
    let PublishedTable { name, key, .. } = table;
    let columns: Vec<String> = key.iter().map(|name| column(name)).collect();
    let is_null = columns.iter().map(|column| format!("{column} IS NULL"));
    let is_null = is_null.collect::<Vec<_>>().join(" OR ");
    let columns = columns.join(", ");
    BuiltIn {
        name: format!("{name}_key").into(),
        sql: format!(
            "SELECT COUNT(*) FILTER (WHERE {is_null}) AS keys_with_null,
                    COUNT(*) FILTER (WHERE \"rows of it\" > 1) AS keys_repeated
             FROM (SELECT {columns}, COUNT(*) AS \"rows of it\" FROM publish.{name} GROUP BY {columns})
             HAVING keys_with_null > 0 OR keys_repeated > 0"
        ),
        help: format!(
            "each row of `{name}` needs a key of its own, {}, without NULL: a join in publish/{name}.sql multiplies rows or finds nothing, or the key lacks a column",
            key.join(", ")
        ),
    }
}

/// The audit that the users are all there, and no others.
pub const USERS_COMPLETE: &str = "users_complete";

/// Both sides lie in the order of users.
fn users_complete() -> BuiltIn {
    let sql = "SELECT COUNT(*) FILTER (WHERE shown.user_id IS NULL) AS users_lost,
                      COUNT(*) FILTER (WHERE users.user_id IS NULL) AS users_added
               FROM features.users AS users
               FULL JOIN publish.tier_snapshot AS shown ON users.user_id = shown.user_id
               HAVING users_lost > 0 OR users_added > 0";
    BuiltIn {
        name: USERS_COMPLETE.into(),
        sql: sql.to_owned(),
        help: "the snapshot has every user of features.users, and nobody else: a tier model or publish/tier_snapshot.sql leaves rows out; whoever is not to be there is left out in features/users.sql".to_owned(),
    }
}

fn tiers_known() -> BuiltIn {
    let sql = "SELECT counted.dimension, counted.tier, counted.users
               FROM audits.users_by_tier AS counted
               LEFT ANTI JOIN publish.dim_tier AS known
                   ON counted.dimension = known.dimension AND counted.tier = known.tier
               WHERE counted.snapshot = 'today'
               ORDER BY counted.dimension, counted.tier";
    BuiltIn {
        name: "tiers_known".into(),
        sql: sql.to_owned(),
        help: "every user needs exactly one value that dim_tier lists in every dimension; add the value there, or fix the tier model".to_owned(),
    }
}

/// The users of each tier in the snapshot that a matrix starts from.
const OPENING: &str =
    "SELECT snapshot, dimension, tier, users FROM audits.users_by_tier WHERE snapshot <> 'today'";

/// Those of today, for each earlier snapshot that has the dimension.
const CLOSING: &str = "SELECT earlier.snapshot, today.dimension, today.tier, today.users
                FROM audits.users_by_tier AS today
                INNER JOIN (SELECT DISTINCT snapshot, dimension
                            FROM audits.users_by_tier WHERE snapshot <> 'today') AS earlier
                    ON today.dimension = earlier.dimension
                WHERE today.snapshot = 'today'";

/// Each matrix summed over one side against the users `counted` in the snapshot on that side.
fn matrix_adds_up(name: &'static str, side: &str, counted: &str) -> BuiltIn {
    let sql = format!(
        "SELECT COALESCE(matrix.snapshot, counted.snapshot) AS since,
                COALESCE(matrix.dimension, counted.dimension) AS dimension,
                COALESCE(matrix.tier, counted.tier) AS tier,
                matrix.users AS users_in_matrix, counted.users AS users_in_snapshot
         FROM (SELECT CASE period WHEN 'night' THEN 'previous'
                                  WHEN 'week' THEN 'week_ago'
                                  WHEN 'month' THEN 'month_ago' END AS snapshot,
                      dimension, {side} AS tier, SUM(users) AS users
               FROM publish.tier_migration_matrix
               WHERE {side} IS NOT NULL
               GROUP BY period, dimension, {side}) AS matrix
         FULL JOIN ({counted}) AS counted
             ON matrix.snapshot = counted.snapshot AND matrix.dimension = counted.dimension
             AND matrix.tier = counted.tier
         WHERE matrix.users IS DISTINCT FROM counted.users
         ORDER BY since, dimension, tier"
    );
    BuiltIn {
        name: name.into(),
        sql,
        help: "users were lost or counted twice between two snapshots; where tiers_known fails too, fix that first, otherwise it is a bug in tierline, please report it".to_owned(),
    }
}

fn moves_match_matrix() -> BuiltIn {
    let sql = "SELECT COALESCE(moves.dimension, matrix.dimension) AS dimension,
                      COALESCE(moves.from_tier, matrix.from_tier) AS from_tier,
                      COALESCE(moves.to_tier, matrix.to_tier) AS to_tier,
                      moves.users AS users_moved, matrix.users AS users_in_matrix
               FROM (SELECT dimension, COALESCE(from_tier, '') AS from_tier,
                            COALESCE(to_tier, '') AS to_tier, COUNT(*) AS users
                     FROM publish.tier_migration
                     WHERE dimension NOT IN (SELECT tier FROM publish.dim_tier
                                             WHERE dimension = 'warning')
                     GROUP BY 1, 2, 3) AS moves
               FULL JOIN (SELECT dimension, COALESCE(from_tier, '') AS from_tier,
                                 COALESCE(to_tier, '') AS to_tier, users
                          FROM publish.tier_migration_matrix
                          WHERE period = 'night' AND from_tier IS DISTINCT FROM to_tier) AS matrix
                   ON moves.dimension = matrix.dimension AND moves.from_tier = matrix.from_tier
                   AND moves.to_tier = matrix.to_tier
               WHERE moves.users IS DISTINCT FROM matrix.users
               ORDER BY dimension, from_tier, to_tier";
    BuiltIn {
        name: "moves_match_matrix".into(),
        sql: sql.to_owned(),
        help: "moves and matrix disagree: a bug in tierline, please report it".to_owned(),
    }
}

fn users_within_bounds(guards: &Guards) -> BuiltIn {
    let Guards {
        max_users_drop: drop,
        max_users_growth: growth,
        ..
    } = guards;
    let sql = format!(
        "SELECT previous.users AS users_before, today.users AS users_now
         FROM (SELECT COUNT(*) AS users FROM previous.tier_snapshot) AS previous
         CROSS JOIN (SELECT COUNT(*) AS users FROM publish.tier_snapshot) AS today
         WHERE today.users < previous.users * (1.0 - {drop})
            OR today.users > previous.users * (1.0 + {growth})"
    );
    BuiltIn {
        name: "users_within_bounds".into(),
        sql,
        help: format!(
            "the number of users changed more than [guards] max_users_drop = {drop} and max_users_growth = {growth} allow; check that all partitions are complete, or raise the guard for this run"
        ),
    }
}

/// New cut points were looked at before they were kept, with everybody whom they move; new rules
/// may be a slip.
fn tier_shares_within_bounds(guards: &Guards, compared: &Compared) -> BuiltIn {
    let shares = |snapshot: &str| {
        format!(
            "SELECT dimension, tier,
                    CAST(users AS DOUBLE) / SUM(users) OVER (PARTITION BY dimension) AS share
             FROM audits.users_by_tier WHERE snapshot = '{snapshot}' AND {IS_COMPARED}"
        )
    };
    let rescored = compared.other_cut_points.iter();
    let rescored: Vec<String> = rescored.map(|dimension| text(dimension)).collect();
    let is_asked = match rescored.is_empty() {
        true => String::new(),
        false => format!(
            " AND COALESCE(today.dimension, previous.dimension) NOT IN ({})",
            rescored.join(", ")
        ),
    };
    let sql = format!(
        "SELECT COALESCE(today.dimension, previous.dimension) AS dimension,
                COALESCE(today.tier, previous.tier) AS tier,
                ROUND(previous.share, 4) AS share_before, ROUND(today.share, 4) AS share_now
         FROM ({}) AS previous
         FULL JOIN ({}) AS today
             ON previous.dimension = today.dimension AND previous.tier = today.tier
         WHERE ABS(COALESCE(today.share, 0.0) - COALESCE(previous.share, 0.0)) > {}{is_asked}
         ORDER BY dimension, tier",
        shares("previous"),
        shares("today"),
        guards.max_tier_share_change
    );
    BuiltIn {
        name: "tier_shares_within_bounds".into(),
        sql,
        help: share_help(guards.max_tier_share_change, &compared.other_rules),
    }
}

/// Of how many dates the usual volume must be known.
pub const MIN_VOLUME_DATES: i64 = 7;

/// The query that says for each of `volumes` whether tonight has a value, how many published dates
/// have one, and of how many dates there are KPIs.
pub fn volumes_known(volumes: &[String]) -> String {
    let wanted: Vec<String> = volumes
        .iter()
        .map(|metric| format!("({})", text(metric)))
        .collect();
    format!(
        "SELECT ARROW_CAST(wanted.metric, 'Utf8View') AS metric,
                COALESCE(today.dates, 0) > 0 AS has_value,
                COALESCE(usual.dates, 0) AS dates,
                (SELECT COUNT(DISTINCT snapshot_date) FROM history.kpi_daily) AS of_dates
         FROM (VALUES {}) AS wanted (metric)
         LEFT JOIN (SELECT metric, COUNT(value) AS dates
                    FROM publish.kpi_daily GROUP BY metric) AS today
             ON wanted.metric = today.metric
         LEFT JOIN (SELECT metric, COUNT(value) AS dates
                    FROM history.kpi_daily GROUP BY metric) AS usual
             ON wanted.metric = usual.metric
         ORDER BY metric",
        wanted.join(", ")
    )
}

/// A median is not moved by a few odd days, such as those that a raised guard let through.
fn volume_as_usual(guards: &Guards, volumes: &[String]) -> BuiltIn {
    let share = guards.min_volume_share;
    let metrics: Vec<String> = volumes.iter().map(|metric| text(metric)).collect();
    let metrics = metrics.join(", ");
    // Divided, a volume of exactly the share is the share to the last bit.
    let sql = format!(
        "SELECT today.metric, today.value, usual.value AS usual_value, usual.dates AS usual_of_dates
         FROM publish.kpi_daily AS today
         INNER JOIN (SELECT metric, MEDIAN(value) AS value, COUNT(value) AS dates
                     FROM history.kpi_daily
                     WHERE metric IN ({metrics}) AND value IS NOT NULL
                     GROUP BY metric) AS usual
             ON today.metric = usual.metric
         WHERE usual.dates >= {MIN_VOLUME_DATES}
           AND today.value / NULLIF(usual.value, 0.0) < {share}
         ORDER BY today.metric"
    );
    BuiltIn {
        name: "volume_as_usual".into(),
        sql,
        help: format!(
            "less than [guards] min_volume_share = {share} of what is usual, the median of the last published dates; check that the day was delivered whole and that sql/staging knows its statuses; if it is meant to be so low, lower the guard for this run, to 0 for any volume"
        ),
    }
}

fn share_help(guard: f64, other_rules: &BTreeSet<String>) -> String {
    let changed = format!(
        "a tier's share of the users changed more than [guards] max_tier_share_change = {guard} allows"
    );
    if other_rules.is_empty() {
        return format!("{changed}; check inputs and SQL, or raise the guard for this run");
    }
    let dimensions: Vec<&str> = other_rules.iter().map(String::as_str).collect();
    format!(
        "{changed}; since the previous snapshot the rules have changed (SQL, parameters, reference files or dimensions) of: {}; if that is meant, raise the guard for this run",
        dimensions.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiers::Delay;

    /// Names once stood there bare: `Habit` was read as `habit`, and `group` not at all.
    #[test]
    fn dimensions_of_any_name_are_counted() {
        let dimension = |name: &str| Dimension {
            name: name.to_owned(),
            tiers: Vec::new(),
            delay: Delay::None,
        };
        let dimensions = ["Habit", "user's \"group\""].map(dimension).to_vec();
        insta::assert_snapshot!(counted(&Dimensions(dimensions), &[SqlSchema::Previous, SqlSchema::WeekAgo]), @r#"
        SELECT 'today' AS snapshot, 'Habit' AS dimension, "Habit" AS tier, COUNT(*) AS users
                     FROM publish.tier_snapshot GROUP BY "Habit"
        UNION ALL
        SELECT 'previous', 'Habit', "Habit", COUNT(*)
                         FROM previous.tier_snapshot WHERE "Habit_since" IS NOT NULL GROUP BY "Habit"
        UNION ALL
        SELECT 'week_ago', 'Habit', "Habit", COUNT(*)
                         FROM week_ago.tier_snapshot WHERE "Habit_since" IS NOT NULL GROUP BY "Habit"
        UNION ALL
        SELECT 'today' AS snapshot, 'user''s "group"' AS dimension, "user's ""group""" AS tier, COUNT(*) AS users
                     FROM publish.tier_snapshot GROUP BY "user's ""group"""
        UNION ALL
        SELECT 'previous', 'user''s "group"', "user's ""group""", COUNT(*)
                         FROM previous.tier_snapshot WHERE "user's ""group""_since" IS NOT NULL GROUP BY "user's ""group"""
        UNION ALL
        SELECT 'week_ago', 'user''s "group"', "user's ""group""", COUNT(*)
                         FROM week_ago.tier_snapshot WHERE "user's ""group""_since" IS NOT NULL GROUP BY "user's ""group"""
        "#);
    }
}
