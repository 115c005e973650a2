//! `dim_tier` lists the tiers and ranks of the page.

use super::example::{history, last_night};
use super::job::Nights;
use super::lake::Delivery;
use super::tables;
use crate::naive::dimensions::Dimension;
use crate::naive::text::{NULL, or_null};

#[tokio::test]
async fn dim_tier_has_every_published_dimension_and_its_ranks() {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(last_night()).await.unwrap();

    let mut rows = tables::rows(&nights.output(), last_night(), "dim_tier").await;

    for dimension in Dimension::ALL {
        let of_dimension = rows.extract_if(.., |row| row["dimension"] == dimension.name());
        let of_dimension: Vec<_> = of_dimension.collect();
        assert!(!of_dimension.is_empty(), "{}", dimension.name());
        for row in of_dimension {
            let rank = dimension.rank(&row["tier"]);
            assert_eq!(row["rank"], or_null(rank), "{row:?}");
        }
    }
    let warnings: Vec<_> = rows
        .extract_if(.., |row| row["dimension"] == "warning")
        .map(|row| row["tier"].clone())
        .collect();
    let listed = [
        "silent_warning",
        "decline_warning",
        "peak_order",
        "spend_warning",
        "overdue_warning",
        "falling_warning",
        "fatigue_warning",
        "low_ltv_to_cac",
    ];
    assert_eq!(warnings, listed);
    assert!(rows.is_empty(), "{rows:?}");
}

/// People act on these texts, in two languages.
#[tokio::test]
async fn every_value_has_labels_and_playbooks() {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(last_night()).await.unwrap();

    for row in tables::rows(&nights.output(), last_night(), "dim_tier").await {
        for column in ["label_en", "label_zh", "playbook", "playbook_zh"] {
            assert!(row[column] != NULL && !row[column].is_empty(), "{row:?}");
        }
        assert!(
            row["label_en"].is_ascii() && row["playbook"].is_ascii(),
            "{row:?}"
        );
        assert!(
            !row["label_zh"].is_ascii() && !row["playbook_zh"].is_ascii(),
            "{row:?}"
        );
    }
}
