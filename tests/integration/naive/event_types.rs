//! Section 2: what each event type is.

use std::collections::BTreeMap;

/// One row of the event type table without its key; the default is a passive type with nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct EventType {
    pub(crate) is_active: bool,
    pub(crate) style: Option<&'static str>,
    pub(crate) need: Option<&'static str>,
    pub(crate) role: Option<&'static str>,
}

/// The event type table.
#[derive(Debug, Clone)]
pub(crate) struct EventTypes {
    by_name: BTreeMap<&'static str, EventType>,
}

/// event_type, is_active, style, need, role; "" where the table has nothing.
const TABLE: &[(&str, bool, &str, &str, &str)] = &[
    ("open", false, "", "", "open"),
    ("view", false, "reader", "", ""),
    ("brand_story", false, "reader", "emotional", ""),
    ("campaign_exposure", false, "", "", "campaign_exposure"),
    ("click", true, "", "", ""),
    ("save", true, "", "", ""),
    ("like", true, "liker", "", ""),
    ("comment", true, "commenter", "social", "post"),
    ("post", true, "commenter", "social", "post"),
    ("review", true, "commenter", "social", ""),
    ("share", true, "sharer", "social", ""),
    ("vote", true, "", "", ""),
    ("survey", true, "", "", "survey"),
    ("campaign_join", true, "", "", "campaign_join"),
    ("coupon_redemption", true, "", "", "campaign_join"),
    ("consult", true, "", "functional", ""),
    ("after_sales", true, "", "functional", ""),
    ("complaint", true, "", "functional", "complaint"),
];

impl EventTypes {
    /// The table of the page.
    pub(crate) fn defaults() -> Self {
        let mut by_name = BTreeMap::new();
        for (name, is_active, style, need, role) in TABLE.iter().copied() {
            let event_type = EventType {
                is_active,
                style: filled(style),
                need: filled(need),
                role: filled(role),
            };
            by_name.insert(name, event_type);
        }
        Self { by_name }
    }

    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.by_name.keys().copied().collect()
    }

    /// "Unknown types count as passive with no style, need or role."
    pub(crate) fn describe(&self, event_type: &str) -> EventType {
        self.by_name.get(event_type).copied().unwrap_or_default()
    }
}

fn filled(cell: &'static str) -> Option<&'static str> {
    (!cell.is_empty()).then_some(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_type_is_passive_with_nothing_else() {
        assert_eq!(
            EventTypes::defaults().describe("hologram"),
            EventType::default()
        );
    }

    #[test]
    fn passive_types_are_opens_views_stories_and_exposures() {
        let event_types = EventTypes::defaults();
        let passive: Vec<&str> = event_types
            .names()
            .into_iter()
            .filter(|name| !event_types.describe(name).is_active)
            .collect();

        assert_eq!(
            passive,
            ["brand_story", "campaign_exposure", "open", "view"]
        );
    }

    #[test]
    fn a_comment_is_an_active_social_post_in_commenter_style() {
        let comment = EventType {
            is_active: true,
            style: Some("commenter"),
            need: Some("social"),
            role: Some("post"),
        };
        assert_eq!(EventTypes::defaults().describe("comment"), comment);
    }
}
