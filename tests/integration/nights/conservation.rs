//! The books balance, or nothing is published.
//!
//! 1. [`pack_that_breaks_the_books_is_blocked`]: SQL that loses, doubles or invents something is
//!    stopped by the audit that guards it, and readers see nothing of the night.
//! 2. What no SQL can break, only a bug of tierline: the built-in audits over [`Books`] that are
//!    off by one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::NaiveDate;
use tierline::audits::Blocked;
use tierline::audits::built_in::{self, BuiltIn, Compared};
use tierline::engine::{EngineLimits, Session};
use tierline::ground::{Classified, FailureKind, SnapshotDate};
use tierline::job::Guards;
use tierline::night::NightError;
use tierline::publish::Publications;

use super::example::{last_night, night_before};
use super::expected::{NightRows, newest, newest_current, published};
use super::job::Nights;
use super::lake::Delivery;
use super::pack::Edit;
use super::tables::{Row, versions};
use crate::naive::fixtures::order;
use crate::naive::history::{History, Order};

/// The example's history, with an order on D that does not count.
fn history() -> History {
    let mut history = super::example::history();
    history.orders.push(Order {
        order_id: "2000".to_owned(),
        status: "refunded".to_owned(),
        ..order("10", 0, 30_00)
    });
    history
}

/// One edit of the pack, and the audits that stop it.
struct Break {
    edit: Edit,
    audits: &'static [&'static str],
}

const BREAKS: [Break; 8] = [
    // A join that drops users: the sixth has six orders.
    Break {
        edit: Edit {
            file: "tiers/interaction_depth.sql",
            from: "FROM features.users",
            to: "FROM features.users WHERE orders_lifetime < 6",
        },
        audits: &["users_complete", "revenue_of_users_reconciles"],
    },
    // One that doubles them.
    Break {
        edit: Edit {
            file: "tiers/interaction_depth.sql",
            from: "FROM features.users",
            to: "FROM features.users CROSS JOIN (VALUES (1), (2)) AS twice (n)",
        },
        audits: &[
            "user_id_unique",
            "actions_key",
            "revenue_of_users_reconciles",
        ],
    },
    // A value that dim_tier does not list.
    Break {
        edit: Edit {
            file: "tiers/interaction_depth.sql",
            from: "ELSE 'light'",
            to: "ELSE 'lihgt'",
        },
        audits: &["tiers_known"],
    },
    // No value at all: in the matrix such users look as if they had left.
    Break {
        edit: Edit {
            file: "tiers/interaction_depth.sql",
            from: "        ELSE 'light'\n",
            to: "",
        },
        audits: &["tiers_known", "matrix_closing"],
    },
    // A column that holds less than its name says.
    Break {
        edit: Edit {
            file: "publish/tier_snapshot.sql",
            from: "CAST(users.revenue_lifetime AS",
            to: "CAST(users.revenue_30d AS",
        },
        audits: &["revenue_of_users_reconciles"],
    },
    // Orders that do not count, stored as if they did: the refunded one on D.
    Break {
        edit: Edit {
            file: "rollups/purchases.sql",
            from: "SUM(amount) FILTER (WHERE is_counting OR is_refund)",
            to: "SUM(amount)",
        },
        audits: &["revenue_of_the_day_reconciles"],
    },
    // Events of a type that is listed twice would count twice.
    Break {
        edit: Edit {
            file: "reference/event_types.csv",
            from: "vote,false,true,,,\n",
            to: "vote,false,true,,,\nvote,false,true,,,\n",
        },
        audits: &["event_types_once"],
    },
    // Days that cannot be.
    Break {
        edit: Edit {
            file: "publish/tier_snapshot.sql",
            from: "users.first_order_day,",
            to: "DATE '2027-01-01' AS first_order_day,",
        },
        audits: &["first_order_before_last"],
    },
];

/// What the readers of some output can see.
#[derive(Debug, PartialEq)]
struct Seen {
    versions: BTreeMap<&'static str, i64>,
    /// As the publication of the date says, and as the newest versions do.
    rows: [NightRows; 2],
    current: Vec<Row>,
}

async fn seen(nights: &Nights, date: NaiveDate) -> Seen {
    let output = nights.output();
    Seen {
        versions: versions(&output).await,
        rows: [published(&output, date).await, newest(&output, date).await],
        current: newest_current(&output, date).await,
    }
}

/// Runs D, which must be blocked, and names the audits.
async fn blocked_by(nights: &Nights) -> Vec<String> {
    let refused = nights.run_without_removed(last_night()).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Blocked, "{refused}");
    let NightError::Blocked(Blocked { failed }) = refused else {
        panic!("no audit blocked: {refused}");
    };
    failed.into_iter().map(|audit| audit.name).collect()
}

#[tokio::test]
async fn pack_that_breaks_the_books_is_blocked() {
    let mut nights = Nights::over(&history(), &Delivery::default());
    nights.run(night_before()).await.unwrap();
    let before = seen(&nights, night_before()).await;

    for Break { edit, audits } in BREAKS {
        nights.edit_pack(&[edit]);
        assert_eq!(blocked_by(&nights).await, audits, "{edit:?}");
        assert_eq!(seen(&nights, night_before()).await, before, "{edit:?}");
        let publications = Publications::load(&nights.output()).await.unwrap();
        let of_d = publications.newest_for(SnapshotDate::on(last_night()));
        assert!(of_d.is_none(), "{edit:?}");
    }

    nights.edit_pack(&[]);
    assert_eq!(nights.status_of(last_night()).await, "published");
}

/// The lake is empty on D: whoever emptied it, the users of the night before stay visible.
#[tokio::test]
async fn night_without_users_is_blocked() {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(night_before()).await.unwrap();
    let before = seen(&nights, night_before()).await;

    std::fs::remove_dir_all(nights.lake()).unwrap();

    let refused = nights.run(last_night()).await.unwrap_err().to_string();
    assert!(
        refused.contains("source `orders` lacks 21 days, "),
        "{refused}"
    );
    assert_eq!(blocked_by(&nights).await, ["snapshot_not_empty"]);
    assert_eq!(seen(&nights, night_before()).await, before);
}

/// A date that is published stays as it was when it is run again with a pack that is blocked.
#[tokio::test]
async fn blocked_rerun_leaves_the_date_as_it_was() {
    let mut nights = Nights::over(&history(), &Delivery::default());
    nights.run(last_night()).await.unwrap();
    let before = seen(&nights, last_night()).await;

    nights.edit_pack(&[BREAKS[0].edit]);

    assert_eq!(blocked_by(&nights).await, BREAKS[0].audits);
    assert_eq!(seen(&nights, last_night()).await, before);
}

/// The tables that the built-in audits read, each as a query.
///
/// Two snapshots of four users in one dimension: b is promoted, d is gone, e is new. A week ago
/// there were three.
///
/// | user | a week ago | before | today |
/// |---|---|---|---|
/// | a | new | new | new |
/// | b | new | new | loyal |
/// | c | new | loyal | loyal |
/// | d | | loyal | |
/// | e | | | new |
struct Books(BTreeMap<&'static str, String>);

impl Books {
    fn balanced() -> Self {
        let values = |rows: &str, columns: &str| {
            format!("SELECT * FROM (VALUES {rows}) AS rows ({columns})")
        };
        Self(BTreeMap::from([
            (
                "previous.tier_snapshot",
                values("('a'), ('b'), ('c'), ('d')", "user_id"),
            ),
            (
                "publish.tier_snapshot",
                values("('a'), ('b'), ('c'), ('e')", "user_id"),
            ),
            (
                "features.users",
                values("('a'), ('b'), ('c'), ('e')", "user_id"),
            ),
            (
                "audits.users_by_tier",
                values(
                    "('previous', 'stage', 'new', 2), ('previous', 'stage', 'loyal', 2),
                     ('week_ago', 'stage', 'new', 3),
                     ('today', 'stage', 'new', 2), ('today', 'stage', 'loyal', 2)",
                    "snapshot, dimension, tier, users",
                ),
            ),
            (
                "publish.dim_tier",
                values("('stage', 'new'), ('stage', 'loyal')", "dimension, tier"),
            ),
            (
                "publish.tier_migration",
                values(
                    "('stage', 'new', 'loyal'), ('stage', 'loyal', NULL), ('stage', NULL, 'new')",
                    "dimension, from_tier, to_tier",
                ),
            ),
            (
                "publish.tier_migration_matrix",
                values(
                    "('night', 'stage', 'new', 'new', 1), ('night', 'stage', 'new', 'loyal', 1),
                     ('night', 'stage', 'loyal', 'loyal', 1), ('night', 'stage', 'loyal', NULL, 1),
                     ('night', 'stage', NULL, 'new', 1), ('week', 'stage', 'new', 'new', 1),
                     ('week', 'stage', 'new', 'loyal', 2), ('week', 'stage', NULL, 'new', 1)",
                    "period, dimension, from_tier, to_tier, users",
                ),
            ),
        ]))
    }

    /// The balanced books with one text of a table replaced.
    fn with(table: &'static str, from: &str, to: &str) -> Self {
        let mut books = Self::balanced();
        let query = books.0.get_mut(table).unwrap();
        assert!(query.contains(from), "{table} has no {from}");
        *query = query.replacen(from, to, 1);
        books
    }

    /// The balanced books with another query for a table.
    fn with_table(mut self, table: &'static str, query: &str) -> Self {
        assert!(self.0.insert(table, query.to_owned()).is_some());
        self
    }

    async fn open(&self) -> Session {
        let limits = EngineLimits::default();
        let session = Session::open(&limits, [], []).unwrap();
        for (table, query) in &self.0 {
            let rows = session.sql(query).await.unwrap().into_view();
            session.register(&table.parse().unwrap(), rows).unwrap();
        }
        session
    }

    /// The audits that find something.
    async fn refused_by(&self, guards: &Guards) -> Vec<&'static str> {
        let session = self.open().await;
        let mut refused_by = Vec::new();
        for BuiltIn { name, sql, .. } in built_in::audits(guards, Some(&Compared::default()), &[]) {
            let offending = session.sql(&sql).await.unwrap().count().await.unwrap();
            if offending > 0 {
                let Cow::Borrowed(name) = name else {
                    panic!("{name} is not of the snapshot");
                };
                refused_by.push(name);
            }
        }
        refused_by
    }
}

/// Guards that four users cannot help but break otherwise.
const OPEN: Guards = Guards {
    max_users_drop: 1.0,
    max_users_growth: 1000.0,
    max_tier_share_change: 1.0,
    future_dates: true,
    min_volume_share: 0.0,
};

#[tokio::test]
async fn balanced_books_pass_every_audit() {
    let strict = Guards {
        max_users_drop: 0.0,
        max_users_growth: 0.0,
        max_tier_share_change: 0.0,
        future_dates: true,
        min_volume_share: 0.0,
    };
    let refused_by = Books::balanced().refused_by(&strict).await;
    assert!(refused_by.is_empty(), "{refused_by:?}");
}

/// A cell counts in its row, in its column and, off the diagonal, as moves.
#[tokio::test]
async fn matrix_off_by_one_user_is_refused() {
    for (cell, audits) in [
        (
            "('night', 'stage', 'new', 'loyal', 1)",
            &["matrix_opening", "matrix_closing", "moves_match_matrix"][..],
        ),
        (
            "('night', 'stage', 'loyal', 'loyal', 1)",
            &["matrix_opening", "matrix_closing"],
        ),
        (
            "('night', 'stage', 'loyal', NULL, 1)",
            &["matrix_opening", "moves_match_matrix"],
        ),
        (
            "('night', 'stage', NULL, 'new', 1)",
            &["matrix_closing", "moves_match_matrix"],
        ),
        (
            "('week', 'stage', 'new', 'new', 1)",
            &["matrix_opening", "matrix_closing"],
        ),
        ("('week', 'stage', NULL, 'new', 1)", &["matrix_closing"]),
    ] {
        let one_more = cell.replace(", 1)", ", 2)");
        let books = Books::with("publish.tier_migration_matrix", cell, &one_more);
        assert_eq!(books.refused_by(&OPEN).await, audits, "{cell}");
    }
}

/// A cell of a dimension that is counted nowhere, and a dimension that has no cell.
#[tokio::test]
async fn matrix_of_another_dimension_is_refused() {
    let matrix = "publish.tier_migration_matrix";
    let first_cell = "('night', 'stage', 'new', 'new', 1)";
    let invented = format!("{first_cell}, ('night', 'depth', 'deep', 'deep', 1)");
    let books = Books::with(matrix, first_cell, &invented);
    let both_sides = ["matrix_opening", "matrix_closing"];
    assert_eq!(books.refused_by(&OPEN).await, both_sides);

    let books = Books::with(matrix, first_cell, "('night', 'depth', 'new', 'new', 1)");
    assert_eq!(books.refused_by(&OPEN).await, both_sides);
}

#[tokio::test]
async fn moves_that_are_not_the_matrix_are_refused() {
    let promotion = "('stage', 'new', 'loyal')";
    let twice = format!("{promotion}, {promotion}");
    for moves in [
        "('stage', 'loyal', 'new')",
        "('stage', 'new', NULL)",
        &twice,
    ] {
        let books = Books::with("publish.tier_migration", promotion, moves);
        assert_eq!(
            books.refused_by(&OPEN).await,
            ["moves_match_matrix"],
            "{moves}"
        );
    }
    let books = Books::with("publish.tier_migration", &format!("{promotion}, "), "");
    assert_eq!(books.refused_by(&OPEN).await, ["moves_match_matrix"]);
}

#[tokio::test]
async fn snapshot_without_rows_is_refused() {
    let nobody = "SELECT 'a' AS user_id WHERE FALSE";
    let books = Books::balanced().with_table("publish.tier_snapshot", nobody);
    let refused_by = books.refused_by(&OPEN).await;
    assert_eq!(refused_by, ["snapshot_not_empty", "users_complete"]);
}

/// One of the users of the features is lost, and another is there whom they do not know.
#[tokio::test]
async fn snapshot_of_other_users_than_the_features_is_refused() {
    let books = Books::with("features.users", "('e')", "('f')");
    assert_eq!(books.refused_by(&OPEN).await, ["users_complete"]);
}

#[tokio::test]
async fn user_twice_or_without_id_is_refused() {
    for (other, audits) in [
        ("('a'), ('a')", &["user_id_unique"][..]),
        (
            "(CAST(NULL AS VARCHAR))",
            &["user_id_unique", "users_complete"],
        ),
    ] {
        let books = Books::with("publish.tier_snapshot", "('a')", other);
        assert_eq!(books.refused_by(&OPEN).await, audits, "{other}");
    }
}

#[tokio::test]
async fn tier_of_no_or_another_dimension_is_refused() {
    let books = Books::with(
        "publish.dim_tier",
        "('stage', 'loyal')",
        "('other', 'loyal')",
    );
    assert_eq!(books.refused_by(&OPEN).await, ["tiers_known"]);
    // A user of no tier, who is in no matrix either.
    let today = "('today', 'stage', 'new', 2)";
    let with_null = format!("{today}, ('today', 'stage', NULL, 1)");
    let books = Books::with("audits.users_by_tier", today, &with_null);
    let refused_by = books.refused_by(&OPEN).await;
    assert_eq!(refused_by, ["tiers_known", "matrix_closing"]);
}

/// So many users, numbered.
fn numbered(users: u32) -> String {
    format!("SELECT unnest(range(0, {users})) AS user_id")
}

/// Of 20 users a twentieth may be missing and a tenth more may come: 19 and 22 pass.
#[tokio::test]
async fn number_of_users_may_change_by_as_much_as_its_guards() {
    let guards = Guards {
        max_users_drop: 0.05,
        max_users_growth: 0.1,
        ..OPEN
    };
    for (users, is_refused) in [
        (18, true),
        (19, false),
        (20, false),
        (22, false),
        (23, true),
    ] {
        let books = Books::balanced()
            .with_table("previous.tier_snapshot", &numbered(20))
            .with_table("features.users", &numbered(users))
            .with_table("publish.tier_snapshot", &numbered(users));
        let refused_by = books.refused_by(&guards).await;
        let expected = ["users_within_bounds"];
        assert_eq!(refused_by, expected[..usize::from(is_refused)], "{users}");
    }
}

/// A quarter of four users is one: 1 of 4 who are `new` may become 2 of 4, not 3 of 4, and a tier
/// that nobody had may be given to one.
#[tokio::test]
async fn share_of_a_tier_may_change_by_as_much_as_its_guard() {
    let guards = Guards {
        max_tier_share_change: 0.25,
        ..OPEN
    };
    for (today, is_refused) in [
        (
            "('today', 'stage', 'new', 2), ('today', 'stage', 'loyal', 2)",
            false,
        ),
        (
            "('today', 'stage', 'new', 3), ('today', 'stage', 'loyal', 1)",
            true,
        ),
        (
            "('today', 'stage', 'new', 0), ('today', 'stage', 'loyal', 4)",
            false,
        ),
        (
            "('today', 'stage', 'new', 1), ('today', 'stage', 'loyal', 2), ('today', 'stage', 'core', 1)",
            false,
        ),
        ("('today', 'stage', 'core', 4)", true),
    ] {
        let counted = format!(
            "SELECT * FROM (VALUES ('previous', 'stage', 'new', 1), \
             ('previous', 'stage', 'loyal', 3), {today}) AS rows (snapshot, dimension, tier, users)"
        );
        let books = Books::balanced().with_table("audits.users_by_tier", &counted);
        let refused_by = books.refused_by(&guards).await;
        let is_found = refused_by.contains(&"tier_shares_within_bounds");
        assert_eq!(is_found, is_refused, "{today}");
    }
}
