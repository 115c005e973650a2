//! What a job sets: the parameters with the defaults of the page, and all that decides a tier.

use std::collections::BTreeMap;

use super::calibration::CutPoints;
use super::dimensions::Dimension;
use super::event_types::EventTypes;
use super::ratio::Ratio;

/// The numbers that section 5 sets in `code`.
#[derive(Debug, Clone)]
pub(crate) struct Parameters {
    pub(crate) new_first_order_window_days: i64,
    pub(crate) new_orders_below: i64,
    pub(crate) churned_days: i64,
    pub(crate) churned_gaps: i64,
    pub(crate) churned_days_most: i64,
    pub(crate) loyal_orders: i64,
    pub(crate) loyal_recency_days: i64,
    pub(crate) active_inactivity_days: i64,
    pub(crate) core_revenue_365d_cents_above: i64,
    pub(crate) deep_interactions_7d: i64,
    pub(crate) sensitive_discount_depth: Ratio,
    pub(crate) high_value_total: i64,
    pub(crate) low_ltv_to_cac_below: Ratio,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            new_first_order_window_days: 30,
            new_orders_below: 3,
            churned_days: 60,
            churned_gaps: 3,
            churned_days_most: 180,
            loyal_orders: 3,
            loyal_recency_days: 90,
            active_inactivity_days: 30,
            core_revenue_365d_cents_above: 100_000_00,
            deep_interactions_7d: 3,
            sensitive_discount_depth: Ratio::tenths(2),
            high_value_total: 10,
            low_ltv_to_cac_below: Ratio::tenths(15),
        }
    }
}

/// Everything a night needs beside the history and the previous snapshot.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) parameters: Parameters,
    pub(crate) event_types: EventTypes,
    pub(crate) cut_points: CutPoints,
    /// A dimension that is not named has a grace of 0 days.
    pub(crate) grace_days: BTreeMap<Dimension, i64>,
    /// Likewise a hold.
    pub(crate) hold_days: BTreeMap<Dimension, i64>,
    /// Whether the previous snapshot was made by others.
    pub(crate) are_new: bool,
}

impl Rules {
    /// The defaults of the page; "`grace_days` (value_tier `7`, the others 0)", "`hold_days`
    /// (rfm_class and value_engagement `7`, the others 0)".
    pub(crate) fn with_cut_points(cut_points: CutPoints) -> Self {
        Self {
            parameters: Parameters::default(),
            event_types: EventTypes::defaults(),
            cut_points,
            grace_days: BTreeMap::from([(Dimension::ValueTier, 7)]),
            hold_days: BTreeMap::from([(Dimension::RfmClass, 7), (Dimension::ValueEngagement, 7)]),
            are_new: false,
        }
    }
}
