//! The cover of a rollup: which periods together are the wanted windows, with few rows.
//!
//! 1. Where windows begin and end cuts the days into segments; in each, the windows that hold
//!    it are the same for all days.
//! 2. A segment with a beginning is a few blocks.
//! 3. The segment without one (lifetime) is one `until` period, which only moves on every
//!    [`UNTIL_STEP`] days, and the blocks since.
//!
//! For the windows `d0`, `30d` and `lifetime`, D being day 100:
//!
//! | segment | windows | periods |
//! |---|---|---|
//! | ..=70 | lifetime | until 63, 64..=67 64 + 4 days, 68..=69, 70 |
//! | 71..=99 | 30d, lifetime | 71, 72..=79, 80..=95, 96..=99 |
//! | 100 | d0, 30d, lifetime | 100 |

use std::collections::BTreeSet;

use crate::ground::SnapshotDate;

use super::period::{Period, blocks, day_number};
use super::window::Window;

/// How many days an `until` period grows by at once: a new one is merged from the one before it
/// and these days.
const UNTIL_STEP: i32 = 32;

/// A period of a cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The days.
    pub period: Period,
    /// The windows that contain all of its days.
    pub windows: Vec<Window>,
}

/// The periods that together are `windows` as of D.
pub fn cover(windows: &BTreeSet<Window>, snapshot_date: SnapshotDate) -> Vec<Part> {
    let segments = segments(windows, snapshot_date);
    let parts = segments.into_iter().flat_map(|segment| {
        let periods = match segment.first {
            Some(first) => blocks(first, segment.last),
            None => open_periods(segment.last),
        };
        periods.into_iter().map(move |period| Part {
            period,
            windows: segment.windows.clone(),
        })
    });
    parts.collect()
}

/// The first day of the windows that have a beginning. From here to D each day will be the edge
/// of a window some night, and needs a tile of its own by then.
pub(super) fn recent_from(windows: &BTreeSet<Window>, snapshot_date: SnapshotDate) -> Option<i32> {
    let ranges = windows.iter().map(|window| window.days(snapshot_date));
    ranges.filter_map(|range| range.from).min().map(day_number)
}

/// The end of the `until` period before the one that ends on `last`.
pub(super) fn until_before(last: i32) -> Period {
    Period::Until {
        last: last - UNTIL_STEP,
    }
}

/// Every day up to `last`.
fn open_periods(last: i32) -> Vec<Period> {
    let until = (last + 1).div_euclid(UNTIL_STEP) * UNTIL_STEP - 1;
    let mut periods = vec![Period::Until { last: until }];
    periods.extend(blocks(until + 1, last));
    periods
}

/// Days that lie in the same windows.
struct Segment {
    first: Option<i32>,
    last: i32,
    windows: Vec<Window>,
}

fn segments(windows: &BTreeSet<Window>, snapshot_date: SnapshotDate) -> Vec<Segment> {
    let ranges: Vec<(Window, Option<i32>, i32)> = windows
        .iter()
        .map(|window| {
            let range = window.days(snapshot_date);
            (*window, range.from.map(day_number), day_number(range.to))
        })
        .collect();
    let starts = ranges.iter().filter_map(|(_, first, _)| *first);
    let ends = ranges.iter().map(|(_, _, last)| last + 1);
    let cuts: BTreeSet<i32> = starts.chain(ends).collect();
    let cuts: Vec<i32> = cuts.into_iter().collect();
    let firsts = std::iter::once(None).chain(cuts.iter().copied().map(Some));
    let runs = firsts.zip(cuts.iter().map(|cut| cut - 1));
    let segments = runs.map(|(first, last)| Segment {
        first,
        last,
        windows: ranges
            .iter()
            .filter(|(_, from, to)| last <= *to && from.is_none_or(|from| first >= Some(from)))
            .map(|(window, _, _)| *window)
            .collect(),
    });
    segments
        .filter(|segment| !segment.windows.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn windows(texts: &[&str]) -> BTreeSet<Window> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn each_period_lies_in_its_windows_whole() {
        let date = "1970-04-11".parse().unwrap();
        let parts = cover(&windows(&["d0", "30d", "lifetime"]), date);
        let shown = parts.iter().map(|part| {
            let names: Vec<String> = part.windows.iter().map(Window::to_string).collect();
            format!("{} in {}", part.period, names.join(", "))
        });
        assert_eq!(
            shown.collect::<Vec<_>>(),
            [
                "until.1970-03-05 in lifetime",
                "1970-03-06.4d in lifetime",
                "1970-03-10.2d in lifetime",
                "1970-03-12.1d in lifetime",
                "1970-03-13.1d in 30d, lifetime",
                "1970-03-14.8d in 30d, lifetime",
                "1970-03-22.16d in 30d, lifetime",
                "1970-04-07.4d in 30d, lifetime",
                "1970-04-11.1d in 30d, lifetime, d0",
            ]
        );
    }

    proptest! {
        #[test]
        fn every_day_of_a_window_is_covered_once(
            lengths in prop::collection::btree_set(1..400_u32, 1..5),
            previous in prop::collection::btree_set(1..200_u32, 0..3),
            single in prop::collection::btree_set(0..10_u32, 0..3),
            with_lifetime in any::<bool>(),
            day in 10_000..20_000_i32,
        ) {
            let mut wanted: BTreeSet<Window> = lengths.into_iter().map(Window::Last).collect();
            wanted.extend(previous.into_iter().map(Window::Previous));
            wanted.extend(single.into_iter().map(Window::SingleDay));
            if with_lifetime {
                wanted.extend([Window::Lifetime, Window::BeforeToday]);
            }
            let date = SnapshotDate::on(super::super::period::day_of(day));
            let parts = cover(&wanted, date);
            for window in wanted {
                let range = window.days(date);
                for number in day - 900..=day + 1 {
                    let covering = parts.iter().filter(|part| {
                        part.windows.contains(&window)
                            && part.period.first().is_none_or(|first| first <= number)
                            && number <= part.period.last()
                    });
                    let is_inside = range.contains(super::super::period::day_of(number));
                    prop_assert_eq!(covering.count(), usize::from(is_inside), "{} {}", window, number);
                }
            }
        }
    }
}
