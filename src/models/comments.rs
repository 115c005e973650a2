//! What tables and columns mean, as the comments of the SQL say: published with the tables.
//!
//! | in a file | says what this is |
//! |---|---|
//! | the lines at the top | the table of the job's own that it gives |
//! | `revenue_30d,   -- what the user paid` | `revenue_30d` |
//! | `a + b AS total -- the sum` | `total` |
//! | the lines at the top of `tiers/value_tier.sql` | `value_tier` |

use std::collections::BTreeMap;

use super::Model;

impl Model {
    /// The comment lines at the top of the file, as one text.
    pub fn heading(&self) -> Option<String> {
        heading(&self.file.text)
    }

    /// The comment of each column that has one.
    pub fn column_comments(&self) -> BTreeMap<String, String> {
        let mut comments = BTreeMap::new();
        if let Some(heading) = self.heading() {
            comments.insert(self.name.name.clone(), heading);
        }
        let of_lines = self.file.text.lines().filter_map(of_line);
        comments.extend(of_lines);
        comments
    }
}

fn heading(text: &str) -> Option<String> {
    let lines = text.lines().map_while(|line| line.strip_prefix("--"));
    let heading = lines.map(str::trim).collect::<Vec<_>>().join(" ");
    (!heading.is_empty()).then_some(heading)
}

/// The column that a line ends in, with the comment behind it.
fn of_line(line: &str) -> Option<(String, String)> {
    let (code, comment) = line.split_once("--")?;
    let code = code.trim().trim_end_matches(',');
    let column = code.rsplit([' ', '.']).next()?.trim_matches('"');
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let is_column = !column.is_empty() && column.chars().all(is_name);
    is_column.then(|| (column.to_owned(), comment.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::of_line;

    #[test]
    fn a_comment_belongs_to_the_column_that_the_line_ends_in() {
        let read = |line| of_line(line).map(|(column, comment)| format!("{column}: {comment}"));
        assert_eq!(
            read("  revenue_30d,  -- paid").as_deref(),
            Some("revenue_30d: paid")
        );
        assert_eq!(
            read("  a + b AS total  -- the sum").as_deref(),
            Some("total: the sum")
        );
        assert_eq!(
            read("  \"city_lifetime\" AS \"city\" -- theirs").as_deref(),
            Some("city: theirs")
        );
        assert_eq!(
            read("  rfm.r_score, -- recency").as_deref(),
            Some("r_score: recency")
        );
        assert_eq!(read("-- a line of its own"), None);
        assert_eq!(read("  a,"), None);
    }
}
