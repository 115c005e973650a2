//! Values that SQL cannot compute with: the night says what it was computing and where, shows none of
//! them, and is not tried again by whoever goes by its exit code.

use super::lake::{LAST_DAY, Rows};
use super::project::{Project, all_hold};

/// Where an expression over an order's status stands, the expression, and what is said of it. The
/// statuses of the last day are `paid` no more.
type Case = (&'static str, &'static str, &'static str);

const STAGING: &str = "staging/orders.sql:9";

/// What a function refuses to make.
const TOO_LARGE: &str = "cannot be computed: it would make a text of more than 10,000 characters or a list of more than 10,000 elements; bound the argument that says how many by LEAST(.., 10000)";

const CASES: [Case; 18] = [
    (STAGING, "lpad(status, 2000000000)", TOO_LARGE),
    (
        STAGING,
        "rpad(status, 10000 + length(status), 'ab')",
        TOO_LARGE,
    ),
    (STAGING, "length(repeat(status, 2000))", TOO_LARGE),
    (
        STAGING,
        "length(replace(repeat(status, 1000), 'a', repeat('b', 1000)))",
        TOO_LARGE,
    ),
    (
        STAGING,
        "array_length(array_repeat(repeat(status, 100), 100))",
        TOO_LARGE,
    ),
    (
        STAGING,
        "array_length(array_resize([status], 2000000000, status))",
        TOO_LARGE,
    ),
    (
        STAGING,
        "array_length(range(length(status) * 2000000000))",
        TOO_LARGE,
    ),
    (
        STAGING,
        "array_length(generate_series(10001, length(status) - 9, -1))",
        TOO_LARGE,
    ),
    (
        STAGING,
        "array_length(generate_series(ordered_at, ordered_at + INTERVAL '8 days', INTERVAL '1 minute'))",
        TOO_LARGE,
    ),
    (
        STAGING,
        "to_timestamp(status)",
        "`to_timestamp(orders.status)`",
    ),
    (
        STAGING,
        "decode(status, 'hex')",
        "`decode(orders.status, 'hex')`",
    ),
    (
        STAGING,
        "regexp_replace('paid', status, 'x')",
        "`regexp_replace('paid', orders.status, 'x')` in staging/orders.sql:9 cannot be computed: a regular expression did not compile; correct the pattern",
    ),
    (
        STAGING,
        "regexp_like('paid', status)",
        "`regexp_like('paid', orders.status)` in staging/orders.sql:9 cannot be computed: a regular expression did not compile",
    ),
    (
        STAGING,
        "cast_to_type(status, 0)",
        "`orders.status` in staging/orders.sql:9 holds 'aaaa', which cannot be cast to BIGINT",
    ),
    (
        STAGING,
        "'paid' ~ status",
        "`'paid' ~ orders.status` in staging/orders.sql:9 cannot be computed: a regular expression did not compile",
    ),
    (
        STAGING,
        "1 % (LENGTH(status) - LENGTH(status))",
        "cannot be computed: a division by zero; divide by NULLIF(..., 0)",
    ),
    (
        STAGING,
        "amount / (amount - amount)",
        "cannot be computed: a division by zero; divide by NULLIF(..., 0)",
    ),
    (
        STAGING,
        "arrow_cast(status, 'Int64')",
        "`orders.status` in staging/orders.sql:9 holds 'aaaa', which cannot be cast to BIGINT",
    ),
];

fn failure_of((place, expression, told): &Case) -> Option<String> {
    let statuses = Rows::orders(LAST_DAY).with_text("status", "(alice bob");
    let project = Project::new().deliver("orders", LAST_DAY, &statuses).edit(
        "sql/staging/orders.sql",
        "status IN ('paid', 'completed')",
        &format!("CAST({expression} AS VARCHAR) IN ('paid', 'completed')"),
    );
    let said = project.refused_run();
    let is_told = said.starts_with("exit code 3\n") && said.contains(place) && said.contains(told);
    let is_hidden = !said
        .lines()
        .any(|line| line.starts_with("error") && line.contains("alice"));
    (!is_told || !is_hidden).then(|| format!("{expression}: {said}"))
}

#[test]
fn of_staging_are_told_with_model_and_line() {
    all_hold(&CASES, failure_of);
}

/// The audit is told by its own file, and not by the models that it reads.
#[test]
fn of_an_audit_are_told_with_its_line() {
    for (expression, told) in [
        ("CAST(value_tier AS BIGINT)", "holds '"),
        ("arrow_cast(value_tier, 'Int64')", "holds '"),
        ("to_timestamp(value_tier)", "cannot be computed: "),
    ] {
        let audit =
            format!("SELECT user_id\nFROM publish.tier_snapshot\nWHERE {expression} IS NULL\n");
        let project = Project::new().write("sql/audits/odd.sql", &audit);
        let said = project.refused_run();
        assert!(said.starts_with("exit code 3\n"), "{said}");
        let place = format!(" in audits/odd.sql:3 {told}");
        assert!(said.contains("audit odd failed: `"), "{said}");
        assert!(said.contains(&place), "{said}");
    }
}
