//! What the columns of the migration's tables mean, as readers of the tables see it.

use std::collections::BTreeMap;

/// Of the columns that several of the tables have.
const COMMON: [(&str, &str); 4] = [
    (
        "dimension",
        "the column of tier_snapshot that the row is about",
    ),
    (
        "from_tier",
        "what the previous snapshot showed; NULL for users who were not in it",
    ),
    (
        "to_tier",
        "what is shown now; NULL for users who are not there any more",
    ),
    (
        super::REVENUE,
        "what these users spent in 365 days; of users who left, as of the previous snapshot",
    ),
];

const MOVES: [(&str, &str); 4] = [
    (
        "previous_snapshot_date",
        "the date of the snapshot that the move is from",
    ),
    ("user_id", "the user"),
    (
        "direction",
        "entered, left, up, down, or lateral: to a tier that is neither above nor below",
    ),
    (
        "days_in_previous_tier",
        "for how many days from_tier had been shown",
    ),
];

const MATRIX: [(&str, &str); 1] = [(
    "users",
    "users who went from the one to the other, or stayed",
)];

const SUMMARY: [(&str, &str); 11] = [
    ("tier", "the value of the dimension that is shown"),
    ("users", "users who have it"),
    ("share", "these users of all users"),
    (super::REVENUE, "what these users spent in 365 days"),
    ("revenue_share", "their revenue_365d of that of all users"),
    (super::ORDERS, "their orders in 365 days"),
    ("average_order_value", "revenue_365d by orders_365d"),
    (
        "average_interactions_30d",
        "interactions in 30 days by users",
    ),
    ("entered", "users who have it now and had not before"),
    ("left_tier", "users who had it before and have not now"),
    ("net_change", "entered less left_tier"),
];

/// Of the columns of `tier_migration`.
pub fn moves_comments() -> BTreeMap<String, String> {
    with_common(&MOVES)
}

/// Of the columns of `tier_migration_matrix`.
pub fn matrix_comments() -> BTreeMap<String, String> {
    with_common(&MATRIX)
}

/// Of the columns of `tier_summary`.
pub fn summary_comments() -> BTreeMap<String, String> {
    with_common(&SUMMARY)
}

fn with_common(own: &[(&str, &str)]) -> BTreeMap<String, String> {
    let all = COMMON.iter().chain(own);
    all.map(|(column, comment)| ((*column).to_owned(), (*comment).to_owned()))
        .collect()
}
