//! `dim_tier` lists the tiers and ranks of the page.

use super::example::{history, last_night};
use super::expected::PUBLISHED_DIMENSIONS;
use super::job::Nights;
use super::lake::Delivery;
use super::tables;
use crate::naive::text::or_null;

#[tokio::test]
async fn dim_tier_has_every_published_dimension_and_its_ranks() {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(last_night()).await.unwrap();

    let mut rows = tables::rows(&nights.output(), last_night(), "dim_tier").await;

    for dimension in PUBLISHED_DIMENSIONS {
        let of_dimension = rows.extract_if(.., |row| row["dimension"] == dimension.name());
        let of_dimension: Vec<_> = of_dimension.collect();
        assert!(!of_dimension.is_empty(), "{}", dimension.name());
        for row in of_dimension {
            let rank = dimension.rank(&row["tier"]);
            assert_eq!(row["rank"], or_null(rank), "{row:?}");
        }
    }
    assert!(rows.is_empty(), "{rows:?}");
}
