//! The section `[report]`: what the report is like that nights write beside the tables.

/// A report that is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReportSettings {
    /// The language it opens in.
    pub language: Language,
    /// How many users to be contacted it names; 0 names nobody.
    pub users: u32,
}

/// A language of reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Language {
    /// `en`
    #[default]
    English,
    /// `zh`
    Chinese,
}

impl Language {
    /// The language of a tag.
    pub fn of(tag: &str) -> Option<Self> {
        [Self::English, Self::Chinese]
            .into_iter()
            .find(|language| language.tag() == tag)
    }

    /// Its tag in HTML.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh",
        }
    }
}
