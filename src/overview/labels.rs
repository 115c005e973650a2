//! Labels and playbooks, as `dim_tier` has them.

use std::collections::BTreeMap;

use datafusion::arrow::array::{Array, RecordBatch, StringArray};
use datafusion::arrow::error::ArrowError;
use serde::Serialize;

use crate::engine::texts;

/// What to do for users of a tier or with a warning, and what not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Playbook {
    /// The dimension, or `warning`.
    pub dimension: String,
    /// The tier, or the warning.
    pub tier: String,
    /// What to do.
    pub playbook: String,
    /// The same in Chinese.
    pub playbook_zh: Option<String>,
}

/// What `dim_tier` has besides dimension and tier, where its SQL selects it.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Label {
    /// What reports call it.
    pub label_en: Option<String>,
    /// The same in Chinese.
    pub label_zh: Option<String>,
    /// What to do.
    pub playbook: Option<String>,
    /// The same in Chinese.
    pub playbook_zh: Option<String>,
}

/// The labels by dimension and tier.
pub(crate) struct Labels(BTreeMap<(String, String), Label>);

impl Labels {
    pub(crate) fn of(dim_tier: &RecordBatch) -> Result<Self, ArrowError> {
        let optional = |name: &str| match dim_tier.schema().index_of(name) {
            Ok(_) => texts(dim_tier, name).map(Some),
            Err(_) => Ok(None),
        };
        let (dimensions, tiers) = (texts(dim_tier, "dimension")?, texts(dim_tier, "tier")?);
        let (label_en, label_zh) = (optional("label_en")?, optional("label_zh")?);
        let (playbook, playbook_zh) = (optional("playbook")?, optional("playbook_zh")?);
        let at = |column: &Option<StringArray>, row| {
            let texts = column.as_ref()?;
            texts.is_valid(row).then(|| texts.value(row).to_owned())
        };
        let labels = (0..dim_tier.num_rows()).map(|row| {
            let key = (
                dimensions.value(row).to_owned(),
                tiers.value(row).to_owned(),
            );
            let label = Label {
                label_en: at(&label_en, row),
                label_zh: at(&label_zh, row),
                playbook: at(&playbook, row),
                playbook_zh: at(&playbook_zh, row),
            };
            (key, label)
        });
        Ok(Self(labels.collect()))
    }

    pub(crate) fn find(&self, dimension: &str, tier: &str) -> Label {
        let key = (dimension.to_owned(), tier.to_owned());
        self.0.get(&key).cloned().unwrap_or_default()
    }

    pub(super) fn playbook(&self, dimension: &str, tier: &str) -> Option<Playbook> {
        let label = self.find(dimension, tier);
        Some(Playbook {
            dimension: dimension.to_owned(),
            tier: tier.to_owned(),
            playbook: label.playbook?,
            playbook_zh: label.playbook_zh,
        })
    }
}
