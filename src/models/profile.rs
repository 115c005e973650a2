//! Profile attributes of users, which the job lists and the snapshot shows: the models that take
//! them there, as SQL that tierline writes itself.
//!
//! ```text
//! sources.users -> staging.users -> rollups.profile -> features.profile -> publish.tier_snapshot
//! ```
//!
//! All attributes of a user come from one row, that of the newest day that has the user: of several
//! rows in it the one with the newest `registered_at`, then the one whose columns are the largest,
//! `acquisition_cost` first, as in `rollups/registrations.sql`, so that both take the same row.
//!
//! Without attributes `features.profile` is just the users, so that the snapshot can select its
//! columns whatever the job lists. A pack's own `features/profile.sql` or `rollups/profile.sql`
//! stands in place of what would be written here.

use crate::ground::{SourceFile, SqlSchema, TableName};

use super::SqlPack;

/// The name of both models.
const PROFILE: &str = "profile";

/// Adds the models for `attributes`, columns of the users source, to a pack.
pub(crate) fn add_models(pack: &mut SqlPack, attributes: &[String]) {
    let has = |pack: &SqlPack, table: &TableName| pack.models.iter().any(|(name, _)| name == table);
    let features = TableName::new(SqlSchema::Features, PROFILE);
    let users = TableName::new(SqlSchema::Features, "users");
    if has(pack, &features) || (attributes.is_empty() && !has(pack, &users)) {
        return;
    }
    let file = |name: &TableName, text: String| {
        SourceFile::new(format!("{name}, made from [sources.users.profile]"), text)
    };
    let quoted = attributes
        .iter()
        .map(|name| name.replace('"', "\"\""))
        .collect::<Vec<_>>();
    let rollup = TableName::new(SqlSchema::Rollups, PROFILE);
    if !quoted.is_empty() && !has(pack, &rollup) {
        let order = ["registered_at".to_owned(), "acquisition_cost".to_owned()];
        let attributes = quoted.iter().filter(|name| !order.contains(name));
        let order = order.iter().chain(attributes);
        let order = order.map(|name| format!(", \"{name}\" NULLS FIRST"));
        let order = order.collect::<String>();
        let aggregates = quoted
            .iter()
            .map(|name| format!(",\n    LAST_VALUE(\"{name}\" ORDER BY day{order}) AS \"{name}\""));
        let text = format!(
            "SELECT\n    user_id{}\nFROM staging.users\nGROUP BY user_id\n",
            aggregates.collect::<String>()
        );
        pack.models.push((rollup.clone(), file(&rollup, text)));
    }
    let text = match quoted.is_empty() {
        true => "SELECT user_id FROM features.users\n".to_owned(),
        false => {
            let columns = quoted.iter().map(|name| {
                format!(
                    "\n    , \"{name}_lifetime\" AS \"{name}\" -- of the users source, as delivered"
                )
            });
            format!(
                "SELECT\n    user_id{}\nFROM windows('rollups.profile', 'lifetime')\n",
                columns.collect::<String>()
            )
        }
    };
    pack.models.push((features.clone(), file(&features, text)));
    pack.models.sort_by(|left, right| left.0.cmp(&right.0));
}
