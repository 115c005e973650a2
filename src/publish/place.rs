//! Where a table and its log are.

use std::sync::Arc;

use deltalake_core::logstore::LogStoreRef;
use object_store::ObjectStore;
use object_store::path::Path;

use crate::drafts::objects;
use crate::inputs::log_of;
use crate::storage::Location;

use super::whole_files::WholeFiles;

/// Where a table is, and its log.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) output: Location,
    pub(super) folder: Path,
    pub(super) log: LogStoreRef,
}

impl Place {
    /// The folder of table `name` below `output`.
    pub(super) fn of(output: &Location, name: &str) -> Self {
        let folder = objects::table_folder(output, name);
        let store: Arc<dyn ObjectStore> = Arc::new(WholeFiles(Arc::clone(&output.store)));
        let whole = Location {
            store,
            ..output.clone()
        };
        let log = log_of(&whole, &folder);
        Self {
            output: output.clone(),
            folder,
            log,
        }
    }

    /// The full URL of the table's folder, for messages.
    pub(super) fn url(&self) -> String {
        self.output.url_of(&self.folder)
    }
}
