//! Sections 4 and 5: the dimensions, their ranks, and today's raw tier of a user in each.
//!
//! In: a user's [`Features`] and [`Scores`]. Out: one tier per dimension. One file per dimension.

mod customer_layer;
mod engagement_style;
mod interaction_depth;
mod largest;
mod lifecycle_stage;
mod need_type;
mod participation_level;
mod price_sensitivity;
mod rfm_class;
mod value_engagement;
mod value_tier;

use std::collections::BTreeMap;

use super::features::Features;
use super::parameters::Parameters;
use super::scores::Scores;

pub(crate) use participation_level::participation_rate_90d;

/// A value of a dimension, as published.
pub(crate) type Tier = &'static str;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dimension {
    ValueTier,
    RfmClass,
    LifecycleStage,
    CustomerLayer,
    InteractionDepth,
    EngagementStyle,
    ParticipationLevel,
    NeedType,
    PriceSensitivity,
    ValueEngagement,
}

/// The published columns about one dimension.
pub(crate) struct ColumnNames {
    pub(crate) shown: &'static str,
    pub(crate) since: &'static str,
    pub(crate) raw: &'static str,
    pub(crate) pending: &'static str,
    pub(crate) pending_since: &'static str,
}

/// `value_tier`, `value_tier_since`, `value_tier_raw`, `value_tier_pending`,
/// `value_tier_pending_since`.
macro_rules! column_names {
    ($dimension:literal) => {
        ColumnNames {
            shown: $dimension,
            since: concat!($dimension, "_since"),
            raw: concat!($dimension, "_raw"),
            pending: concat!($dimension, "_pending"),
            pending_since: concat!($dimension, "_pending_since"),
        }
    };
}

impl Dimension {
    pub(crate) const ALL: [Self; 10] = [
        Self::ValueTier,
        Self::RfmClass,
        Self::LifecycleStage,
        Self::CustomerLayer,
        Self::InteractionDepth,
        Self::EngagementStyle,
        Self::ParticipationLevel,
        Self::NeedType,
        Self::PriceSensitivity,
        Self::ValueEngagement,
    ];

    pub(crate) fn name(self) -> &'static str {
        self.column_names().shown
    }

    pub(crate) fn column_names(self) -> ColumnNames {
        match self {
            Self::ValueTier => column_names!("value_tier"),
            Self::RfmClass => column_names!("rfm_class"),
            Self::LifecycleStage => column_names!("lifecycle_stage"),
            Self::CustomerLayer => column_names!("customer_layer"),
            Self::InteractionDepth => column_names!("interaction_depth"),
            Self::EngagementStyle => column_names!("engagement_style"),
            Self::ParticipationLevel => column_names!("participation_level"),
            Self::NeedType => column_names!("need_type"),
            Self::PriceSensitivity => column_names!("price_sensitivity"),
            Self::ValueEngagement => column_names!("value_engagement"),
        }
    }

    /// A ranked dimension's tiers from rank 0 upwards; None for a dimension without rank.
    fn tiers_by_rank(self) -> Option<&'static [Tier]> {
        match self {
            Self::ValueTier => Some(&value_tier::BY_RANK),
            Self::LifecycleStage => Some(&lifecycle_stage::BY_RANK),
            Self::CustomerLayer => Some(&customer_layer::BY_RANK),
            Self::InteractionDepth => Some(&interaction_depth::BY_RANK),
            Self::ParticipationLevel => Some(&participation_level::BY_RANK),
            Self::RfmClass
            | Self::EngagementStyle
            | Self::NeedType
            | Self::PriceSensitivity
            | Self::ValueEngagement => None,
        }
    }

    pub(crate) fn is_ranked(self) -> bool {
        self.tiers_by_rank().is_some()
    }

    /// None when the dimension has no rank.
    pub(crate) fn rank(self, tier: &str) -> Option<usize> {
        self.tiers_by_rank()?
            .iter()
            .position(|ranked| *ranked == tier)
    }
}

/// Today's tier of one user in every dimension.
pub(crate) fn raw_tiers(
    features: &Features,
    scores: Option<Scores>,
    parameters: &Parameters,
) -> BTreeMap<Dimension, Tier> {
    let purchases = &features.purchases;
    let interactions = &features.interactions;
    let depth = interaction_depth::assign(interactions, parameters);
    BTreeMap::from([
        (Dimension::ValueTier, value_tier::assign(scores)),
        (Dimension::RfmClass, rfm_class::assign(scores)),
        (
            Dimension::LifecycleStage,
            lifecycle_stage::assign(features, parameters),
        ),
        (
            Dimension::CustomerLayer,
            customer_layer::assign(purchases, parameters),
        ),
        (Dimension::InteractionDepth, depth),
        (
            Dimension::EngagementStyle,
            engagement_style::assign(interactions),
        ),
        (
            Dimension::ParticipationLevel,
            participation_level::assign(interactions),
        ),
        (Dimension::NeedType, need_type::assign(interactions)),
        (
            Dimension::PriceSensitivity,
            price_sensitivity::assign(purchases, parameters),
        ),
        (
            Dimension::ValueEngagement,
            value_engagement::assign(scores, depth, parameters),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_those_of_the_page() {
        assert_eq!(Dimension::ValueTier.rank("high_value"), Some(5));
        assert_eq!(Dimension::ValueTier.rank("low_value"), Some(1));
        assert_eq!(Dimension::ValueTier.rank("no_orders"), Some(0));
        assert_eq!(Dimension::LifecycleStage.rank("prospect"), Some(2));
        assert_eq!(Dimension::CustomerLayer.rank("core"), Some(3));
        assert_eq!(Dimension::InteractionDepth.rank("light"), Some(0));
        assert_eq!(Dimension::ParticipationLevel.rank("high"), Some(2));
        assert_eq!(Dimension::RfmClass.rank("important_value"), None);
    }
}
