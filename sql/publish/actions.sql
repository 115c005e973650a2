-- Whom to contact today and whom to leave alone on purpose. A user appears once, in the action of the
-- highest priority that takes them. reference/actions.csv says which actions there are, over which
-- channel, for how many users, for how many days, and how long a user rests from them, and
-- reference/channels.csv how many users a channel takes in all; who qualifies and why stands here.
WITH
-- what rules and reasons read: whatever else the snapshot has may be called as it likes
users AS (
    SELECT
        snapshot.user_id,
        snapshot.value_tier,
        snapshot.lifecycle_stage,
        snapshot.interaction_depth,
        snapshot.value_engagement,
        snapshot.can_contact,
        snapshot.falling_warning,
        snapshot.falling_warning_since,
        snapshot.fatigue_warning,
        snapshot.overdue_warning,
        snapshot.silent_warning,
        snapshot.spend_warning,
        snapshot.peak_order,
        snapshot.first_order_day,
        snapshot.last_order_day,
        snapshot.recency_days,
        snapshot.order_gap_days,
        snapshot.orders_lifetime,
        snapshot.revenue_60d,
        snapshot.revenue_prev_60d,
        snapshot.revenue_365d,
        snapshot.largest_order_1d,
        snapshot.largest_order_before_today,
        snapshot.interactions_lifetime,
        snapshot.interactions_7d,
        snapshot.interactions_30d,
        snapshot.inactivity_days,
        snapshot.opens_30d,
        snapshot.touches_30d,
        snapshot.last_touch_day,
        snapshot.recalls_90d,
        snapshot.complaints_30d,
        snapshot.last_complaint_day,
        COALESCE(tiers.label_en, tiers.tier) AS value_label_en,
        COALESCE(tiers.label_zh, tiers.label_en, tiers.tier) AS value_label_zh,
        CASE snapshot.interaction_depth
            WHEN 'moderate' THEN $gap_days_moderate
            WHEN 'occasional' THEN $gap_days_occasional
            WHEN 'light' THEN $gap_days_light
            ELSE 0
        END AS gap_days,                              -- as the playbooks of interaction_depth have it
        tiers.rank = (SELECT MAX(rank) FROM publish.dim_tier WHERE dimension = 'value_tier') AS is_high_value,
        COALESCE(snapshot.recency_days > $late_gaps * snapshot.order_gap_days, TRUE) AS is_late,  -- by their own rhythm
        snapshot.revenue_60d < $less_spend_share * snapshot.revenue_prev_60d AS spends_less,
        COALESCE(snapshot.last_complaint_day > $snapshot_date - $complaint_days, FALSE) AS has_complaint,
        snapshot.lifecycle_stage = 'churned' AND snapshot.recalls_90d >= $most_recalls_90d AS is_given_up,
        snapshot.lifecycle_stage = 'new' AND snapshot.interactions_lifetime < $settling_interactions AS is_settling_in
    FROM publish.tier_snapshot AS snapshot
    INNER JOIN publish.dim_tier AS tiers
        ON tiers.dimension = 'value_tier' AND snapshot.value_tier = tiers.tier
),

-- what reference/actions.csv says, lines that are off too: who was listed by them rests
lines AS (
    SELECT
        actions.action,
        actions.priority,
        actions.channel,
        COALESCE(actions.capacity, 1000000000000) AS capacity,  -- without one there is no limit
        CAST(channels.capacity AS BIGINT) AS channel_capacity,  -- in the file VARCHAR as long as no channel has one
        actions.days_valid,
        actions.rest_days,
        actions.is_on OR actions.action IN ('', $actions_on) AS is_on,
        MIN(actions.priority) OVER (PARTITION BY actions.action) AS first_priority,  -- of the action on its first channel
        MAX(CASE WHEN actions.is_on OR actions.action IN ('', $actions_on) THEN actions.priority END)
            OVER (PARTITION BY actions.action) AS last_priority,
        MAX(actions.rest_days) OVER (PARTITION BY actions.action) AS longest_rest_days
    FROM reference.actions AS actions
    LEFT JOIN reference.channels AS channels
        ON actions.channel = channels.channel
),

-- whom the lists of the last 28 days had for a contact, and from which actions they rest today; a channel that
-- the file no longer has counts with the longest rest of its action
earlier_lists AS (
    SELECT
        listing.user_id,
        MAX(listing.snapshot_date) AS last_listed_on,
        MAX(CASE WHEN listing.action = 'resolve_complaint' THEN listing.snapshot_date END) AS answer_listed_on,
        MAX(CASE WHEN listing.action = 'welcome' THEN listing.snapshot_date END) AS welcome_listed_on,
        LAST_VALUE(listing.action ORDER BY listing.snapshot_date, listing.user_id) AS last_action,
        MIN(
            CASE
                WHEN listing.snapshot_date + COALESCE(lines.rest_days, of_action.longest_rest_days) > $snapshot_date
                    THEN of_action.first_priority
            END
        ) AS rests_from_priority
    FROM history.actions AS listing
    LEFT JOIN lines
        ON listing.action = lines.action AND listing.channel = lines.channel
    LEFT JOIN (SELECT DISTINCT action, first_priority, longest_rest_days FROM lines) AS of_action
        ON listing.action = of_action.action
    WHERE listing.action <> 'leave_alone' AND listing.snapshot_date >= $snapshot_date - 28
    GROUP BY listing.user_id
),

-- contact rules come first: whom any message but an answer to a complaint may reach
reachable AS (
    SELECT
        users.*,
        earlier_lists.last_listed_on,
        earlier_lists.answer_listed_on,
        earlier_lists.welcome_listed_on,
        earlier_lists.last_action,
        earlier_lists.rests_from_priority,
        users.can_contact AND NOT users.fatigue_warning AND NOT users.has_complaint AS can_reach
    FROM users
    LEFT JOIN earlier_lists
        ON users.user_id = earlier_lists.user_id
),

actions AS (
    SELECT
        action,
        priority,
        channel,
        capacity,
        channel_capacity,
        days_valid,
        rest_days,
        MIN(priority) OVER (PARTITION BY action) AS first_priority,
        COALESCE(
            SUM(capacity) OVER (
                PARTITION BY action ORDER BY priority RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ),
            0
        ) AS users_before                             -- whom the channels before this one take
    FROM (
        SELECT
            action,
            priority,
            channel,
            CASE
                WHEN priority < last_priority THEN LEAST(capacity, channel_capacity)  -- what its channel has no room for goes to the next
                ELSE capacity
            END AS capacity,
            channel_capacity,
            days_valid,
            rest_days
        FROM lines
        WHERE is_on
    )
),

-- the priority of the highest action that takes a user
taken AS (
    SELECT
        users.user_id,
        MIN(actions.first_priority) AS priority
    FROM (SELECT DISTINCT action, first_priority FROM actions) AS actions  -- the few on the left: they are held in memory
    CROSS JOIN reachable AS users
    WHERE
        -- whoever was listed rests from actions of the same and of a lower priority, and for some days from nearly all;
        -- a complaint that no list had yet is answered
        CASE
            WHEN actions.action = 'leave_alone' THEN TRUE
            WHEN actions.action = 'resolve_complaint' AND COALESCE(users.last_complaint_day > users.answer_listed_on, TRUE) THEN TRUE
            ELSE
                COALESCE(actions.first_priority < users.rests_from_priority, TRUE)
                AND (
                    actions.action IN ('resolve_complaint', 'crisis_core', 'crisis_ordinary', 'crisis_prospects', 'call_falling')
                    OR COALESCE(users.last_listed_on + users.gap_days <= $snapshot_date, TRUE)
                )
        END
        AND NOT users.is_given_up
        AND CASE actions.action
            WHEN 'resolve_complaint' THEN users.has_complaint
            WHEN 'leave_alone' THEN NOT users.can_contact OR users.fatigue_warning OR users.has_complaint
            WHEN 'welcome' THEN users.can_reach AND users.is_settling_in AND users.welcome_listed_on IS NULL
            ELSE
                users.can_reach
                AND NOT users.is_settling_in
                AND CASE actions.action
                    WHEN 'crisis_core' THEN users.orders_lifetime >= 1 AND users.is_high_value
                    WHEN 'crisis_ordinary' THEN users.orders_lifetime >= 1 AND NOT users.is_high_value
                    WHEN 'crisis_prospects' THEN users.orders_lifetime = 0
                    -- whoever buys about as often and as much as before misses nothing
                    WHEN 'call_falling'
                        THEN users.is_high_value AND users.falling_warning AND (users.is_late OR users.spends_less)
                    WHEN 'ask_spend'
                        THEN users.spend_warning AND users.lifecycle_stage <> 'churned' AND users.recency_days > 0
                    WHEN 'remind_overdue' THEN users.overdue_warning
                    WHEN 'thank_peak' THEN users.peak_order
                    WHEN 'second_order'
                        THEN users.lifecycle_stage = 'new' AND users.orders_lifetime = 1 AND users.recency_days >= $second_order_days
                    WHEN 'revive_silent' THEN users.silent_warning
                    WHEN 'recall'
                        THEN users.lifecycle_stage = 'churned'
                            AND COALESCE(users.last_touch_day <= $snapshot_date - $recall_rest_days, TRUE)
                    WHEN 'first_order'
                        THEN users.lifecycle_stage = 'prospect' AND users.interaction_depth IN ('deep', 'moderate')
                    -- as shown, and as the last seven days say, too
                    WHEN 'invite_meeting'
                        THEN users.value_engagement = 'high_value_high_engagement' AND users.interactions_7d > 0
                    WHEN 'engage_quiet'
                        THEN users.value_engagement = 'high_value_low_engagement' AND users.interactions_7d = 0
                END
        END
    GROUP BY users.user_id
),

-- those with most at stake first
ranked AS (
    SELECT
        users.*,
        taken.priority,
        CASE
            WHEN users.orders_lifetime < $overdue_orders OR users.order_gap_days < 0.5 THEN NULL
            WHEN users.order_gap_days < 10 THEN replace(CAST(CAST(GREATEST(users.order_gap_days, 1) AS DECIMAL(18, 1)) AS VARCHAR), '.0', '')
            ELSE CAST(CAST(round(users.order_gap_days) AS BIGINT) AS VARCHAR)
        END AS usual_days,
        ROW_NUMBER() OVER (
            PARTITION BY taken.priority
            ORDER BY users.revenue_365d DESC, users.interactions_30d DESC, users.user_id
        ) AS place,
        COUNT(*) OVER (PARTITION BY taken.priority) AS users
    FROM reachable AS users
    INNER JOIN taken
        ON users.user_id = taken.user_id
),

-- capacity cuts the list, channel after channel
listed AS (
    SELECT
        ranked.*,
        actions.action,
        actions.priority AS channel_priority,
        actions.channel,
        actions.channel_capacity,
        actions.days_valid,
        actions.rest_days,
        ROW_NUMBER() OVER (
            PARTITION BY actions.channel
            ORDER BY actions.priority, ranked.place, ranked.user_id
        ) AS place_on_channel,
        COUNT(*) OVER (PARTITION BY actions.channel) AS users_of_channel
    FROM ranked
    INNER JOIN actions
        ON ranked.priority = actions.first_priority
        AND ranked.place > actions.users_before
        AND ranked.place <= actions.users_before + actions.capacity
),

-- and so does what a channel takes in all, action after action
told AS (
    SELECT
        listed.*,
        users - COUNT(*) OVER (PARTITION BY priority) AS cut_users,
        COALESCE(GREATEST(users_of_channel - channel_capacity, 0), 0) AS channel_cut_users,

        -- what reasons are made of
        'last order '
            || CASE recency_days
                WHEN 0 THEN 'on ' || to_char(last_order_day, '%m-%d')
                WHEN 1 THEN '1 day ago'
                ELSE recency_days || ' days ago'
            END
            || CASE
                WHEN usual_days = '1' THEN ', usually every day'
                ELSE COALESCE(', usually every ' || usual_days || ' days', '')
            END AS last_order_en,
        CASE recency_days
            WHEN 0 THEN to_char(last_order_day, '%m-%d') || '下单'
            ELSE recency_days || '天前下单'
        END
            || CASE
                WHEN usual_days = '1' THEN '，平时每天一次'
                ELSE COALESCE('，平时每' || usual_days || '天一次', '')
            END AS last_order_zh,
        'spent ' || revenue_60d || ' in 60 days, ' || revenue_prev_60d || ' in the 60 before' AS spent_en,
        '近60天消费' || revenue_60d || '，此前60天' || revenue_prev_60d AS spent_zh
    FROM listed
    WHERE COALESCE(place_on_channel <= channel_capacity, TRUE)
)

SELECT
    told.user_id,                                     -- the user
    told.channel_priority AS priority,                -- of the action on this channel; 1 comes before 2
    told.action,                                      -- what to do, by reference/actions.csv
    told.channel,                                     -- how
    CASE told.action
        WHEN 'resolve_complaint' THEN 'complained on ' || to_char(last_complaint_day, '%m-%d') || '; complaints in 30 days: ' || complaints_30d
        WHEN 'leave_alone'
            THEN CASE
                WHEN NOT can_contact THEN 'has unsubscribed'
                WHEN has_complaint THEN 'complained on ' || to_char(last_complaint_day, '%m-%d') || COALESCE(', listed for an answer on ' || to_char(answer_listed_on, '%m-%d'), '')
                ELSE 'messages in 30 days: ' || touches_30d || ', and no answer'
            END
        WHEN 'call_falling' THEN 'shown as ' || value_label_en || ', lower since ' || to_char(falling_warning_since, '%m-%d') || '; ' || CASE WHEN is_late AND spends_less THEN last_order_en || '; ' || spent_en WHEN is_late THEN last_order_en ELSE spent_en END
        WHEN 'ask_spend' THEN spent_en || '; ' || last_order_en
        WHEN 'remind_overdue' THEN last_order_en
        WHEN 'thank_peak' THEN 'largest order ever, on ' || to_char($snapshot_date, '%m-%d') || ': ' || largest_order_1d || ', before ' || largest_order_before_today
        WHEN 'welcome' THEN 'new since ' || to_char(first_order_day, '%m-%d') || '; interactions so far: ' || interactions_lifetime
        WHEN 'second_order' THEN 'first order on ' || to_char(first_order_day, '%m-%d') || ', no second one yet'
        WHEN 'revive_silent' THEN 'opened nothing for 15 days; opens in 30 days: ' || opens_30d || '; ' || last_order_en
        WHEN 'recall' THEN 'no order and no activity for ' || inactivity_days || ' days; recalls in 90 days: ' || recalls_90d
        WHEN 'first_order' THEN 'interactions in 7 days: ' || interactions_7d || ', no order yet'
        WHEN 'invite_meeting' THEN value_label_en || '; interactions in 7 days: ' || interactions_7d || ', in 30 days: ' || interactions_30d
        WHEN 'engage_quiet' THEN value_label_en || '; interactions in 7 days: 0, in 30 days: ' || interactions_30d || '; ' || last_order_en
        WHEN 'crisis_core' THEN value_label_en || ', ' || revenue_365d || ' in a year'
        WHEN 'crisis_ordinary' THEN value_label_en || '; ' || last_order_en
        ELSE value_label_en
    END AS reason_en,                                 -- why, from the user's own figures
    CASE told.action
        WHEN 'resolve_complaint' THEN to_char(last_complaint_day, '%m-%d') || '投诉，30天内共' || complaints_30d || '次'
        WHEN 'leave_alone'
            THEN CASE
                WHEN NOT can_contact THEN '已退订'
                WHEN has_complaint THEN to_char(last_complaint_day, '%m-%d') || '投诉' || COALESCE('，' || to_char(answer_listed_on, '%m-%d') || '已列入回访名单', '')
                ELSE '30天内触达' || touches_30d || '次，没有任何回应'
            END
        WHEN 'call_falling' THEN '当前显示为' || value_label_zh || '，' || to_char(falling_warning_since, '%m-%d') || '起已低于该层级；' || CASE WHEN is_late AND spends_less THEN last_order_zh || '；' || spent_zh WHEN is_late THEN last_order_zh ELSE spent_zh END
        WHEN 'ask_spend' THEN spent_zh || '；' || last_order_zh
        WHEN 'remind_overdue' THEN last_order_zh
        WHEN 'thank_peak' THEN to_char($snapshot_date, '%m-%d') || '下了最大的一单：' || largest_order_1d || '，此前最大' || largest_order_before_today
        WHEN 'welcome' THEN to_char(first_order_day, '%m-%d') || '成为新客，至今互动' || interactions_lifetime || '次'
        WHEN 'second_order' THEN to_char(first_order_day, '%m-%d') || '首单，还没有第二单'
        WHEN 'revive_silent' THEN '15天没有打开，30天内打开' || opens_30d || '次；' || last_order_zh
        WHEN 'recall' THEN inactivity_days || '天没有下单和活动，90天内召回' || recalls_90d || '次'
        WHEN 'first_order' THEN '7天内互动' || interactions_7d || '次，还没有下单'
        WHEN 'invite_meeting' THEN value_label_zh || '，7天内互动' || interactions_7d || '次，30天内' || interactions_30d || '次'
        WHEN 'engage_quiet' THEN value_label_zh || '，7天内互动0次，30天内' || interactions_30d || '次；' || last_order_zh
        WHEN 'crisis_core' THEN value_label_zh || '，一年消费' || revenue_365d
        WHEN 'crisis_ordinary' THEN value_label_zh || '；' || last_order_zh
        ELSE value_label_zh
    END AS reason_zh,                                 -- the same in Chinese
    playbooks.playbook,                               -- what to do and what not
    playbooks.playbook_zh,                            -- the same in Chinese
    revenue_365d AS value_at_stake,                   -- what the user paid in the last 365 days
    $snapshot_date + days_valid AS expires_on,        -- the day from which on it is too late
    CASE WHEN rest_days > 0 THEN $snapshot_date + rest_days END AS rests_until,  -- the first day on which this or a less urgent action may follow; NULL: no rest
    last_listed_on,                                   -- when the user was listed for a contact before; NULL: not in the last 28 days
    last_action,                                      -- for what, then
    cut_users,                                        -- users whom capacities left out of the action today, its own or those of its channels
    channel_cut_users                                 -- users of any action whom the capacity of the channel left out today
FROM told
INNER JOIN (SELECT action, channel, playbook, playbook_zh FROM reference.actions) AS playbooks
    ON told.action = playbooks.action AND told.channel = playbooks.channel
