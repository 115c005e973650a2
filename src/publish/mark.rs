//! Which publication files beside the tables are of, as they say themselves.

use serde::{Deserialize, Serialize};

use crate::storage::Location;

use super::{Publication, Publications, PublishError};

/// The publication that files were written for.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// Its number.
    pub sequence: i64,
    /// Its run. Files of an older tierline do not say.
    #[serde(default)]
    pub run_id: String,
}

impl Mark {
    /// Of a publication.
    pub(crate) fn of(publication: &Publication) -> Self {
        Self {
            sequence: publication.sequence,
            run_id: publication.run_id.clone(),
        }
    }

    /// Whether files with this mark stay, though `publication` is the newest that their writer knows:
    ///
    /// | they are of | |
    /// |---|---|
    /// | an earlier publication | no |
    /// | that very one | yes |
    /// | one of the same number by another run | no: tables were restored from a copy of before |
    /// | a later one | yes, where it is there: of two runs the slower comes last |
    ///
    /// # Errors
    /// When `publications` cannot be read.
    pub(crate) async fn holds_against(
        &self,
        publication: &Publication,
        output: &Location,
    ) -> Result<bool, PublishError> {
        if self.sequence <= publication.sequence {
            return Ok(*self == Self::of(publication));
        }
        let now = Publications::load(output).await?;
        Ok(now.all().iter().any(|row| *self == Self::of(row)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drafts::testing::on_every_store;
    use crate::publish::testing::{load, publish};

    on_every_store!(files_of_publications_that_are_gone_give_way);

    async fn files_of_publications_that_are_gone_give_way(output: &Location) {
        publish(output, "2026-11-19", &[(1, "new")]).await;
        publish(output, "2026-11-20", &[(1, "new")]).await;
        let publications = load(output).await;
        let [first, second] = publications.all() else {
            panic!("two publications")
        };
        let by_another = Mark {
            run_id: "another".to_owned(),
            ..Mark::of(second)
        };
        let lost = Mark {
            sequence: 3,
            ..Mark::of(second)
        };
        for (mark, newest, holds) in [
            (Mark::default(), first, false),
            (Mark::of(first), second, false),
            (Mark::of(second), second, true),
            (Mark::of(second), first, true),
            (by_another, second, false),
            (lost, second, false),
        ] {
            let held = mark.holds_against(newest, output).await.unwrap();
            assert_eq!(held, holds, "{mark:?} against {newest:?}");
        }
    }
}
