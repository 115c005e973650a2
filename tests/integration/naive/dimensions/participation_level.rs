//! `participation_level` and `participation_rate_90d`: how a user answers campaigns.

use super::Tier;
use crate::naive::interactions::Interactions;
use crate::naive::ratio::Ratio;

pub(super) const BY_RANK: [Tier; 3] = ["none", "some", "high"];

/// "campaign_joins_90d + surveys_90d + posts_90d: `high` >= 3, `some` >= 1, `none`."
pub(super) fn assign(interactions: &Interactions) -> Tier {
    let participations =
        interactions.campaign_joins_90d + interactions.surveys_90d + interactions.posts_90d;
    if participations >= 3 {
        "high"
    } else if participations >= 1 {
        "some"
    } else {
        "none"
    }
}

/// "least(1, campaign_joins_90d / campaign_exposures_90d), NULL without exposures."
pub(crate) fn participation_rate_90d(interactions: &Interactions) -> Option<Ratio> {
    let exposures = interactions.campaign_exposures_90d;
    Ratio::of(interactions.campaign_joins_90d.min(exposures), exposures)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn participant(campaign_joins_90d: i64, surveys_90d: i64, posts_90d: i64) -> Interactions {
        Interactions {
            campaign_joins_90d,
            surveys_90d,
            posts_90d,
            ..Interactions::default()
        }
    }

    #[test]
    fn joins_surveys_and_posts_add_up() {
        assert_eq!(assign(&participant(1, 1, 1)), "high");
        assert_eq!(assign(&participant(0, 1, 1)), "some");
        assert_eq!(assign(&participant(1, 0, 0)), "some");
        assert_eq!(assign(&participant(0, 0, 0)), "none");
    }

    #[test]
    fn the_rate_is_at_most_one_and_null_without_exposures() {
        let rate = |campaign_exposures_90d| {
            participation_rate_90d(&Interactions {
                campaign_exposures_90d,
                ..participant(2, 0, 0)
            })
        };

        assert_eq!(rate(4), Some(Ratio::tenths(5)));
        assert_eq!(rate(1), Some(Ratio::tenths(10)));
        assert_eq!(rate(0), None);
    }
}
