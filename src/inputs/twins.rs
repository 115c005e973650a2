//! The same file twice in a day: what a retried upload under another name leaves. Its rows count
//! twice, which nobody can tell from the tables.
//!
//! Two files of a day are the same to judge by their sizes and e_tags, which stores make from the
//! content; where they do not, as on a local disk, by their sizes and footers, which have the
//! offsets, sizes and extremes of every column. Files with other values in their paths have other rows.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::schema::FileSchema;

/// Two files with the same rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twins {
    /// The business day.
    pub day: NaiveDate,
    /// The URL of the first by name.
    pub first: String,
    /// The URL of another.
    pub second: String,
}

/// The twins among the files of a source; of each file that is there more than twice, the first
/// with each of the others. Files without rows do no harm.
pub fn twins(files: &[FileSchema]) -> Vec<Twins> {
    let mut seen: BTreeMap<(NaiveDate, u64), Vec<&FileSchema>> = BTreeMap::new();
    let mut twins = Vec::new();
    for file in files.iter().filter(|file| file.rows > 0) {
        let alike = seen.entry((file.day, file.object.size)).or_default();
        match alike.iter().find(|first| is_same(first, file)) {
            Some(first) => twins.push(Twins {
                day: file.day,
                first: first.url.clone(),
                second: file.url.clone(),
            }),
            None => alike.push(file),
        }
    }
    twins
}

fn is_same(first: &FileSchema, second: &FileSchema) -> bool {
    if first.values != second.values {
        return false;
    }
    let tagged = first.object.e_tag.is_some() && first.object.e_tag == second.object.e_tag;
    tagged || first.footer == second.footer
}
