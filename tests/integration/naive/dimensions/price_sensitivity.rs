//! `price_sensitivity`: whether a user buys at a discount.

use super::Tier;
use crate::naive::parameters::Parameters;
use crate::naive::purchases::Purchases;

/// "`unknown` when discount_known_orders_365d = 0; `sensitive` when discount_known_orders_365d
/// >= 2 and discount_depth_365d >= `0.2`; `regular`."
pub(super) fn assign(purchases: &Purchases, parameters: &Parameters) -> Tier {
    let known = purchases.discount_known_orders_365d;
    let depth = purchases.discount_depth_365d;
    if known == 0 {
        "unknown"
    } else if known >= 2 && depth >= Some(parameters.sensitive_discount_depth) {
        "sensitive"
    } else {
        "regular"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naive::ratio::Ratio;

    fn sensitivity(discount_known_orders_365d: i64, percent: i64) -> Tier {
        let purchases = Purchases {
            discount_known_orders_365d,
            discount_depth_365d: Ratio::of(percent, 100),
            ..Purchases::default()
        };
        assign(&purchases, &Parameters::default())
    }

    #[test]
    fn a_fifth_off_the_full_price_of_at_least_two_known_orders_is_sensitive() {
        assert_eq!(sensitivity(0, 0), "unknown");
        assert_eq!(sensitivity(1, 90), "regular");
        assert_eq!(sensitivity(2, 20), "sensitive");
        assert_eq!(sensitivity(2, 19), "regular");
        assert_eq!(sensitivity(5, 0), "regular");
    }
}
