//! The rows of one day, before they become columns.

/// What happened on one day, each list in order of time.
#[derive(Debug, Default)]
pub(super) struct DayRows<'day> {
    pub(super) orders: Vec<Order>,
    pub(super) events: Vec<Event<'day>>,
}

/// One order. Amounts are in cents.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) user: u32,
    pub(super) ordered_at_micros: i64,
    pub(super) amount_cents: i64,
    /// `None` where the discount was not recorded.
    pub(super) discount_cents: Option<i64>,
    pub(super) status: &'static str,
    pub(super) channel: Channel,
    pub(super) category: &'static str,
}

/// One thing a user did, or that was shown to them.
#[derive(Debug)]
pub(super) struct Event<'day> {
    pub(super) user: u32,
    pub(super) occurred_at_micros: i64,
    pub(super) event_type: EventType,
    pub(super) duration_seconds: Option<i32>,
    pub(super) content_id: Option<i64>,
    pub(super) channel: Channel,
    pub(super) campaign_id: Option<&'day str>,
}

/// Where something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    App,
    MiniProgram,
    Web,
    Store,
    /// A message to the user, or about messages.
    Message,
}

impl Channel {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::MiniProgram => "mini_program",
            Self::Web => "web",
            Self::Store => "store",
            Self::Message => "message",
        }
    }
}

/// The event types that the default SQL pack knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventType {
    Open,
    View,
    BrandStory,
    CampaignExposure,
    MessageSent,
    RecallSent,
    Unsubscribe,
    Resubscribe,
    Click,
    Save,
    Like,
    Comment,
    Post,
    Review,
    Share,
    Vote,
    Survey,
    CampaignJoin,
    CouponRedemption,
    Consult,
    AfterSales,
    Complaint,
}

impl EventType {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::View => "view",
            Self::BrandStory => "brand_story",
            Self::CampaignExposure => "campaign_exposure",
            Self::MessageSent => "message_sent",
            Self::RecallSent => "recall_sent",
            Self::Unsubscribe => "unsubscribe",
            Self::Resubscribe => "resubscribe",
            Self::Click => "click",
            Self::Save => "save",
            Self::Like => "like",
            Self::Comment => "comment",
            Self::Post => "post",
            Self::Review => "review",
            Self::Share => "share",
            Self::Vote => "vote",
            Self::Survey => "survey",
            Self::CampaignJoin => "campaign_join",
            Self::CouponRedemption => "coupon_redemption",
            Self::Consult => "consult",
            Self::AfterSales => "after_sales",
            Self::Complaint => "complaint",
        }
    }

    /// Whether the time until the next event was spent on this one.
    pub(super) fn takes_time(self) -> bool {
        matches!(self, Self::View | Self::BrandStory | Self::Consult)
    }

    /// Whether it is about a piece of content.
    pub(super) fn has_content(self) -> bool {
        matches!(
            self,
            Self::View
                | Self::BrandStory
                | Self::Click
                | Self::Save
                | Self::Like
                | Self::Comment
                | Self::Share
                | Self::Vote
        )
    }

    /// Whether it is part of a campaign.
    pub(super) fn has_campaign(self) -> bool {
        matches!(
            self,
            Self::CampaignExposure | Self::CampaignJoin | Self::CouponRedemption
        )
    }
}
