//! `falling_warning`: the one warning that no SQL can give. The snapshot shows a user in a higher
//! value_tier than today's, and grace alone keeps them there.

use datafusion::arrow::array::{BooleanArray, UInt32Array};

use super::numbering::Numbering;

/// The warning, which is made where `dim_tier` lists it and the snapshot does not select it.
pub const FALLING: &str = "falling_warning";

/// The dimension that it is about.
pub const FALLING_OF: &str = "value_tier";

/// What the column means.
pub(super) const COMMENT: &str =
    "the shown value_tier is above today's: a fall that grace delays, and the time to stop it";

/// Who is shown above their value of today.
pub(super) fn is_falling(
    numbering: &Numbering,
    shown: &UInt32Array,
    raw: &UInt32Array,
) -> BooleanArray {
    let both = shown.iter().zip(raw);
    let is_falling = both.map(|(shown, raw)| {
        let falls = shown.zip(raw);
        Some(falls.is_some_and(|(shown, raw)| numbering.is_demotion(shown, raw)))
    });
    is_falling.collect()
}
