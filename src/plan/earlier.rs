//! What a night reads of dates that were published before.

use crate::ground::{SnapshotDate, SqlSchema, TableName};
use crate::pack::Project;
use crate::pack::marts::dates_of_history;
use crate::publish::Publication;
use crate::tables::{ACTIONS, PublishedTable};

use super::Plan;

/// Whether a model reads who was listed for what on earlier dates. Everything else that a pack may read of
/// them, nights read anyhow.
pub(super) fn reads_earlier_actions(project: &Project) -> bool {
    let actions = TableName::new(SqlSchema::History, ACTIONS.name);
    let mut read = project.graph.models().iter().flat_map(|model| &model.reads);
    read.any(|read| read.table == actions)
}

impl Plan {
    /// The schemas in which the night reads a table of earlier dates.
    pub(crate) fn schemas_read(&self, table: &PublishedTable) -> &'static [SqlSchema] {
        match *table == ACTIONS && !self.reads_earlier_actions {
            true => &[],
            false => table.earlier,
        }
    }

    /// The dates of which the night reads a table in a schema.
    pub(crate) fn dates_read(
        &self,
        schema: SqlSchema,
        table: &PublishedTable,
    ) -> Vec<SnapshotDate> {
        let published = |row: Option<&Publication>| {
            let row = row.filter(|row| row.tables.contains_key(table.name));
            row.map(|row| row.snapshot_date).into_iter().collect()
        };
        match schema {
            SqlSchema::Previous => published(self.previous.as_ref()),
            SqlSchema::WeekAgo => published(self.week_ago()),
            SqlSchema::MonthAgo => published(self.month_ago()),
            SqlSchema::History => {
                dates_of_history(&self.publications, self.snapshot_date).collect()
            }
            _ => Vec::new(),
        }
    }
}
