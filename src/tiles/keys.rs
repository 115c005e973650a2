//! The columns that identify rows.

/// The column that says which business day a row belongs to.
pub const DAY: &str = "day";

/// The column that rollups and features are keyed by.
pub const USER_ID: &str = "user_id";
