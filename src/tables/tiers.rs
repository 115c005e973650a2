//! The tables about users and their tiers.

use datafusion::arrow::datatypes::DataType;

use crate::ground::SqlSchema;
use crate::job::ColumnType::{self, BigInt, Date, Decimal, Double, Id, Varchar};

use super::{Dating, Maker, PublishedColumn, PublishedTable, column};

/// The type of summed revenue.
const REVENUE: ColumnType = Decimal(38, 2);

/// The same as the engine has it.
pub const REVENUE_TYPE: DataType = DataType::Decimal128(38, 2);

/// The columns of the snapshot that migration adds up: what a user spent, how often they ordered,
/// and how often they interacted.
pub const MEASURES: [&str; 3] = ["revenue_365d", "orders_365d", "interactions_30d"];

const SNAPSHOT_COLUMNS: [PublishedColumn; 3] = [
    column("user_id", Id, "the user"),
    column(
        "cutpoints_id",
        Varchar,
        "the calibration whose cut points the scores come from",
    ),
    column("run_id", Varchar, "the run that published the row"),
];

const DIMENSION: PublishedColumn = column(
    "dimension",
    Varchar,
    "the column of tier_snapshot that the row is about",
);

const FROM_TIER: PublishedColumn = column(
    "from_tier",
    Varchar,
    "what the earlier snapshot showed; NULL for users who were not in it",
);

const TO_TIER: PublishedColumn = column(
    "to_tier",
    Varchar,
    "what is shown now; NULL for users who are no longer there",
);

/// Every user of a date.
pub const TIER_SNAPSHOT: PublishedTable = PublishedTable {
    name: "tier_snapshot",
    description: "One row for each user and date: features, scores, tiers and warnings as they were at the end of that day.",
    maker: Maker::RequiredModel,
    dating: Dating::EveryDate,
    key: &["user_id"],
    sorted_by: &["user_id"],
    columns: &SNAPSHOT_COLUMNS,
    may_be_empty: false,
    earlier: &[SqlSchema::Previous, SqlSchema::WeekAgo, SqlSchema::MonthAgo],
};

/// The users of the newest date.
pub const TIER_CURRENT: PublishedTable = PublishedTable {
    name: "tier_current",
    description: "The newest date of tier_snapshot: one row for each user.",
    maker: Maker::Snapshot,
    dating: Dating::NewestDate,
    earlier: &[],
    ..TIER_SNAPSHOT
};

/// The users whose value of a dimension is another than in the snapshot before.
pub const TIER_MIGRATION: PublishedTable = PublishedTable {
    name: "tier_migration",
    description: "Who moved: one row for each user, dimension and date whose shown value is another than in the previous snapshot, warnings that were raised or cleared among them.",
    maker: Maker::Migration,
    dating: Dating::EveryDate,
    key: &["user_id", "dimension"],
    sorted_by: &[],
    columns: &[
        column(
            "previous_snapshot_date",
            Date,
            "the date of the snapshot that the move is from",
        ),
        column("user_id", Id, "the user"),
        column(
            "dimension",
            Varchar,
            "the column of tier_snapshot that the row is about: a dimension, or a warning",
        ),
        column(
            "from_tier",
            Varchar,
            "what the previous snapshot showed; NULL for users who were not in it; of a warning, raised or clear",
        ),
        column(
            "to_tier",
            Varchar,
            "what is shown now; NULL for users who are no longer there; of a warning, raised or clear",
        ),
        column(
            "direction",
            Varchar,
            "entered, left, up, down, or lateral: to a tier that is neither above nor below; of a warning, raised or cleared",
        ),
        column(
            "days_in_previous_tier",
            BigInt,
            "the number of days for which from_tier had been shown; NULL when a warning is raised",
        ),
    ],
    may_be_empty: true,
    earlier: &[],
};

/// How many users went from each value to each other one, in a night, a week and a month.
pub const TIER_MIGRATION_MATRIX: PublishedTable = PublishedTable {
    name: "tier_migration_matrix",
    description: "How many users went from each value of a dimension to each other one, or stayed: in a night, a week and a month. Name one period in each query.",
    key: &["period", "dimension", "from_tier", "to_tier"],
    columns: &[
        column(
            "period",
            Varchar,
            "night: since the previous snapshot; week and month: since that of 7 and of 28 days before, where it is published; NULL, as night, where an older tierline published",
        ),
        column(
            "previous_snapshot_date",
            Date,
            "the date of the snapshot that from_tier is of",
        ),
        DIMENSION,
        FROM_TIER,
        TO_TIER,
        column(
            "users",
            BigInt,
            "users who moved from from_tier to to_tier, or stayed",
        ),
        column(
            MEASURES[0],
            REVENUE,
            "what these users spent in 365 days; of users who left, as of the earlier snapshot",
        ),
    ],
    ..TIER_MIGRATION
};

/// What each tier adds up to, and who came and went.
pub const TIER_SUMMARY: PublishedTable = PublishedTable {
    name: "tier_summary",
    description: "What each tier adds up to on a date: users, revenue and orders with their shares, and who entered and left.",
    key: &["dimension", "tier"],
    columns: &[
        DIMENSION,
        column("tier", Varchar, "the value of the dimension that is shown"),
        column("users", BigInt, "users who are in this tier"),
        column(
            "share",
            Double,
            "the fraction of all users who are in this tier",
        ),
        column(MEASURES[0], REVENUE, "what these users spent in 365 days"),
        column(
            "revenue_share",
            Double,
            "the fraction of all users' revenue_365d that these users account for",
        ),
        column(MEASURES[1], BigInt, "their orders in 365 days"),
        column(
            "average_order_value",
            Double,
            "revenue_365d divided by orders_365d",
        ),
        column(
            "average_interactions_30d",
            Double,
            "interactions of the last 30 days, per user",
        ),
        column(
            "entered",
            BigInt,
            "users who are in the tier now and were not in the previous snapshot",
        ),
        column(
            "left_tier",
            BigInt,
            "users who were in the tier in the previous snapshot and no longer are",
        ),
        column("net_change", BigInt, "entered less left_tier"),
    ],
    may_be_empty: false,
    ..TIER_MIGRATION
};

/// The values that each dimension may have, and the warnings.
pub const DIM_TIER: PublishedTable = PublishedTable {
    name: "dim_tier",
    description: "The values that each dimension may have, and the warnings: ranks, labels and playbooks. Join it by dimension and tier.",
    maker: Maker::RequiredModel,
    dating: Dating::Undated,
    key: &["dimension", "tier"],
    sorted_by: &[],
    columns: &[
        column("dimension", Varchar, ""),
        column("tier", Varchar, ""),
    ],
    may_be_empty: false,
    earlier: &[],
};
