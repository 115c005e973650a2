//! Section 2: what each event type is.

use std::collections::BTreeMap;

/// One row of the event type table without its key; the default is a passive type with nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct EventType {
    pub(crate) is_touch: bool,
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

/// event_type, touch or active or neither, style, need, role; "" where the table has nothing.
const TABLE: &[(&str, &str, &str, &str, &str)] = &[
    ("campaign_exposure", "touch", "", "", ""),
    ("message_sent", "touch", "", "", ""),
    ("recall_sent", "touch", "", "", "recall"),
    ("open", "", "", "", "open"),
    ("message_open", "", "", "", "open"),
    ("unsubscribe", "", "", "", "unsubscribe"),
    ("resubscribe", "", "", "", "resubscribe"),
    ("view", "", "reader", "", ""),
    ("brand_story", "", "reader", "emotional", ""),
    ("click", "active", "", "", ""),
    ("save", "active", "", "", "save"),
    ("like", "active", "liker", "", ""),
    ("comment", "active", "commenter", "social", "post"),
    ("post", "active", "commenter", "social", "post"),
    ("review", "active", "commenter", "social", ""),
    ("share", "active", "sharer", "social", ""),
    ("vote", "active", "", "", ""),
    ("survey", "active", "", "", "survey"),
    ("campaign_join", "active", "", "", "campaign_join"),
    ("coupon_redemption", "active", "", "", "campaign_join"),
    ("consult", "active", "", "functional", ""),
    ("after_sales", "active", "", "functional", ""),
    ("complaint", "active", "", "functional", "complaint"),
];

impl EventTypes {
    /// The table of the page.
    pub(crate) fn defaults() -> Self {
        let mut by_name = BTreeMap::new();
        for (name, kind, style, need, role) in TABLE.iter().copied() {
            let event_type = EventType {
                is_touch: kind == "touch",
                is_active: kind == "active",
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

    /// "Unknown types count as the user's passive events with no style, need or role."
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
    fn passive_types_are_opens_views_stories_and_subscriptions() {
        let event_types = EventTypes::defaults();
        let names = event_types.names().into_iter();
        let passive = names.filter(|name| {
            let event_type = event_types.describe(name);
            !event_type.is_active && !event_type.is_touch
        });
        let passive: Vec<&str> = passive.collect();

        assert_eq!(
            passive,
            [
                "brand_story",
                "message_open",
                "open",
                "resubscribe",
                "unsubscribe",
                "view"
            ]
        );
    }

    #[test]
    fn a_comment_is_an_active_social_post_in_commenter_style() {
        let comment = EventType {
            is_touch: false,
            is_active: true,
            style: Some("commenter"),
            need: Some("social"),
            role: Some("post"),
        };
        assert_eq!(EventTypes::defaults().describe("comment"), comment);
    }
}
