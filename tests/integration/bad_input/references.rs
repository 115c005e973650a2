//! Reference files: bands, dimensions, and the grace of dimensions.

use super::project::Project;

const BANDS: &str = "sql/reference/value_tiers.csv";
const TIERS: &str = "sql/reference/dim_tier.csv";

#[test]
fn hole_between_bands_is_refused() {
    let project = Project::new().edit(BANDS, "silent,2,4,6,", "silent,2,5,6,");
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn bands_that_overlap_are_refused() {
    let project = Project::new().edit(BANDS, "silent,2,4,6,", "silent,2,4,7,");
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn bound_that_is_no_number_is_named() {
    let project = Project::new().edit(BANDS, "silent,2,4,6,", "silent,2,four,6,");
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn line_with_too_few_values_is_shown() {
    let project = Project::new().edit(BANDS, "silent,2,4,6,", "silent,2,4,");
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn dimension_without_a_column_is_refused() {
    let project = Project::new().append(TIERS, "mood,happy,1,Happy,x,Smile\n");
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn tiers_are_listed_once_and_ranked_together() {
    let project = Project::new()
        .append(TIERS, "interaction_depth,deep,3,Deep,x,Again\n")
        .append(TIERS, "lifecycle_stage,ghost,,Ghost,x,No rank\n");
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn grace_needs_a_ranked_dimension() {
    let project = Project::new().append(
        "job.toml",
        "\n[grace_days]\nvalue_teir = 7\nrfm_class = 7\n",
    );
    insta::assert_snapshot!(project.check(), @"");
}
