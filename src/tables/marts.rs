//! Marts: small tables that the pack's SQL computes from the night's drafts and from what was
//! published before. A pack may do without any of them. The columns here are those that tierline
//! shows and compares; others are published too.

use crate::ground::SqlSchema;
use crate::job::ColumnType::{BigInt, Date, Double, Id, Varchar};

use super::{Dating, Maker, PublishedTable, column};

/// One number for each metric and date.
pub const KPI_DAILY: PublishedTable = PublishedTable {
    name: "kpi_daily",
    description: "One number for each metric and date, and what it was in the previous snapshot.",
    maker: Maker::Mart,
    dating: Dating::EveryDate,
    key: &["metric"],
    sorted_by: &[],
    columns: &[
        column("metric", Varchar, ""),
        column("value", Double, ""),
        column("previous_value", Double, ""),
    ],
    may_be_empty: false,
    earlier: &[SqlSchema::Previous, SqlSchema::History],
};

/// The metrics that are past their limits. A date without alerts is a good one.
pub const ALERTS: PublishedTable = PublishedTable {
    name: "alerts",
    description: "The metrics that are past their limits on a date: how severe, by how much, what it means and what to do. A date without rows is a good one.",
    maker: Maker::Mart,
    dating: Dating::EveryDate,
    key: &["alert"],
    sorted_by: &[],
    columns: &[
        column("alert", Varchar, ""),
        column("severity", Varchar, ""),
        column("value", Double, ""),
        column("threshold", Double, ""),
        column("message", Varchar, ""),
    ],
    may_be_empty: true,
    earlier: &[],
};

/// What each metric of `kpi_daily` is called, and how it is written.
pub const DIM_METRIC: PublishedTable = PublishedTable {
    name: "dim_metric",
    description: "What each metric of kpi_daily is called, its unit, how it is written, and whether more of it is better.",
    maker: Maker::Mart,
    dating: Dating::Undated,
    key: &["metric"],
    sorted_by: &[],
    columns: &[column("metric", Varchar, "")],
    may_be_empty: true,
    earlier: &[],
};

/// The action of users who get no message.
pub const STOP_LIST: &str = "leave_alone";

/// The action that users who get no message are still in: somebody answers them.
pub const ANSWER: &str = "resolve_complaint";

/// Whom to contact and whom to leave alone; each user once at most.
pub const ACTIONS: PublishedTable = PublishedTable {
    name: "actions",
    description: "Whom to contact and whom to leave alone on a date, each user once at most: the action, its channel and reason, and until when it is of use.",
    maker: Maker::Mart,
    dating: Dating::EveryDate,
    key: &["user_id"],
    sorted_by: &[],
    columns: &[
        column("user_id", Id, ""),
        column("priority", BigInt, ""),
        column("action", Varchar, ""),
        column("channel", Varchar, ""),
        column("reason_en", Varchar, ""),
        column("reason_zh", Varchar, ""),
        column("expires_on", Date, ""),
        column("cut_users", BigInt, ""),
    ],
    may_be_empty: true,
    earlier: &[SqlSchema::History],
};
