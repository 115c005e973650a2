//! `price_sensitivity`: whether a user buys at a discount.

use super::Tier;
use crate::naive::parameters::Parameters;
use crate::naive::purchases::Purchases;
use crate::naive::ratio::Ratio;

/// "`unknown` when discount_known_orders_365d = 0; `sensitive` when discount_known_orders_365d
/// >= 2 and discounted_orders_365d / discount_known_orders_365d >= `0.5`; `regular`."
pub(super) fn assign(purchases: &Purchases, parameters: &Parameters) -> Tier {
    let known = purchases.discount_known_orders_365d;
    let Some(discounted_share) = Ratio::of(purchases.discounted_orders_365d, known) else {
        return "unknown";
    };
    if known >= 2 && discounted_share >= parameters.sensitive_discounted_share {
        "sensitive"
    } else {
        "regular"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sensitivity(discounted_orders_365d: i64, discount_known_orders_365d: i64) -> Tier {
        let purchases = Purchases {
            discounted_orders_365d,
            discount_known_orders_365d,
            ..Purchases::default()
        };
        assign(&purchases, &Parameters::default())
    }

    #[test]
    fn half_of_at_least_two_known_orders_is_sensitive() {
        assert_eq!(sensitivity(0, 0), "unknown");
        assert_eq!(sensitivity(1, 1), "regular");
        assert_eq!(sensitivity(1, 2), "sensitive");
        assert_eq!(sensitivity(1, 3), "regular");
        assert_eq!(sensitivity(0, 2), "regular");
    }
}
