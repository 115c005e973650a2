//! One file of a source.

use chrono::NaiveDate;
use object_store::ObjectMeta;

use super::PathValues;

/// A file of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// The business day of its partition.
    pub day: NaiveDate,
    /// Key, size and e_tag, as listed.
    pub object: ObjectMeta,
    /// The columns that its path has, or the log that names it.
    pub values: PathValues,
    /// Whether it lies on a disk, where a copy of it has another e_tag.
    pub is_on_disk: bool,
}
