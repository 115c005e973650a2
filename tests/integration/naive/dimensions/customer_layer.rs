//! `customer_layer`: the purchase pyramid.

use super::Tier;
use crate::naive::parameters::Parameters;
use crate::naive::purchases::Purchases;

pub(super) const BY_RANK: [Tier; 4] = ["base", "growth", "mature", "core"];

/// "`core` revenue_365d > `100000`; `mature` orders_lifetime >= 3; `growth` orders_lifetime >= 1;
/// `base`."
pub(super) fn assign(purchases: &Purchases, parameters: &Parameters) -> Tier {
    if purchases.revenue_365d_cents > parameters.core_revenue_365d_cents_above {
        "core"
    } else if purchases.orders_lifetime >= 3 {
        "mature"
    } else if purchases.orders_lifetime >= 1 {
        "growth"
    } else {
        "base"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(orders_lifetime: i64, revenue_365d_cents: i64) -> Tier {
        let purchases = Purchases {
            orders_lifetime,
            revenue_365d_cents,
            ..Purchases::default()
        };
        assign(&purchases, &Parameters::default())
    }

    #[test]
    fn core_is_above_a_hundred_thousand_and_the_rest_goes_by_orders() {
        assert_eq!(layer(1, 100_000_01), "core");
        assert_eq!(layer(3, 100_000_00), "mature");
        assert_eq!(layer(2, 100_000_00), "growth");
        assert_eq!(layer(1, 0), "growth");
        assert_eq!(layer(0, 0), "base");
    }
}
