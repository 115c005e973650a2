//! `engagement_style`: what a user mostly does.

use super::Tier;
use super::largest::largest_or_none;
use crate::naive::interactions::Interactions;

/// "The largest of sharer_30d, commenter_30d, liker_30d, reader_30d, the earlier in this order on
/// a tie: `sharer, commenter, liker, reader`; `none` when all are 0."
pub(super) fn assign(interactions: &Interactions) -> Tier {
    largest_or_none(&[
        ("sharer", interactions.sharer_30d),
        ("commenter", interactions.commenter_30d),
        ("liker", interactions.liker_30d),
        ("reader", interactions.reader_30d),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(sharer_30d: i64, commenter_30d: i64, liker_30d: i64, reader_30d: i64) -> Tier {
        assign(&Interactions {
            sharer_30d,
            commenter_30d,
            liker_30d,
            reader_30d,
            ..Interactions::default()
        })
    }

    #[test]
    fn the_largest_count_wins_and_the_earlier_style_on_a_tie() {
        assert_eq!(style(1, 1, 1, 2), "reader");
        assert_eq!(style(0, 2, 2, 2), "commenter");
        assert_eq!(style(0, 0, 2, 2), "liker");
        assert_eq!(style(2, 2, 2, 2), "sharer");
        assert_eq!(style(0, 0, 0, 0), "none");
    }
}
