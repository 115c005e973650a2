//! Where `check` points, of mistakes for which the engine says no place.

use super::project::Project;

/// What is underlined in what `check` says, the first time.
fn underlined(said: &str) -> &str {
    let lines: Vec<&str> = said.lines().collect();
    let carets = lines.iter().position(|line| line.contains('^'));
    let carets = carets.unwrap_or_else(|| panic!("nothing is underlined: {said}"));
    let start = lines[carets].find('^').unwrap();
    let end = lines[carets].rfind('^').unwrap() + 1;
    &lines[carets - 1][start..end.min(lines[carets - 1].len())]
}

#[test]
fn the_smallest_part_that_cannot_be_planned_is_underlined() {
    let kpis = "sql/publish/kpi_daily.sql";
    for (path, from, to, expected) in [
        // one metric of many
        (
            kpis,
            "'value', users.total)",
            "'value', users.totl)",
            "users.totl",
        ),
        (
            kpis,
            "'value', users.total)",
            "'valu', users.total)",
            "named_struct('metric', 'users_total', 'valu', users.total",
        ),
        // a condition of rows, and one of a join
        (
            kpis,
            "is_counting AND day >",
            "is_counting AND round(day, 'a') >",
            "round",
        ),
        (
            kpis,
            "ON metrics.metric =",
            "ON round(metrics.metric, 'a') =",
            "round",
        ),
        // a table of WITH
        (
            kpis,
            "    SELECT CAST(COUNT(*) AS DOUBLE) AS events\n",
            "    SELECT SUM(user_id) AS a, SUM(CAST(user_id AS DOUBLE)) AS b, COUNT(*) AS events\n",
            "SELECT SUM(user_id) AS a, SUM(CAST(user_id AS DOUBLE)) AS b, COUNT(*) AS events",
        ),
        // a subquery of FROM, and a branch of UNION
        (
            "sql/tiers/need_type.sql",
            "FROM features.users",
            "FROM (SELECT *, round(last_order_channel, 'x') AS y FROM features.users)",
            "round",
        ),
        (
            "sql/publish/dim_tier.sql",
            "UNION ALL",
            "UNION ALL SELECT dimension, tier, round(tier, 'x'), label_en, label_zh, playbook, playbook_zh FROM reference.dim_tier UNION ALL",
            "round",
        ),
        // two columns of one name, written or not
        (
            "sql/tiers/need_type.sql",
            "SELECT\n    user_id,",
            "SELECT\n    user_id,\n    COUNT(*) OVER (), COUNT(*) OVER (),",
            "SELECT",
        ),
        (
            "sql/publish/tier_snapshot.sql",
            "    rfm.r_score,",
            "    rfm.r_score, 1 AS r_score,",
            "r_score",
        ),
        // a column of another type than what is published
        (
            kpis,
            "'value', users.total)",
            "'value', CAST(users.high_value AS DECIMAL(18, 0)))",
            "value",
        ),
    ] {
        let said = Project::new().edit(path, from, to).check();
        assert!(said.starts_with("exit code 2\n"), "{said}");
        assert_eq!(underlined(&said), expected, "{said}");
    }
}
