-- Adds the snapshot date to the tables of user-days: what each user bought and did that day.
COPY (
    SELECT
        user_id,
        COUNT(*) FILTER (is_counting)::INTEGER AS orders,
        SUM(amount) FILTER (is_counting OR is_refund)::DECIMAL(18, 2) AS revenue,
        MAX(amount) FILTER (is_counting) AS largest_order,
        COUNT(discount) FILTER (is_counting)::INTEGER AS discount_known_orders,
        COUNT(*) FILTER (is_counting AND discount > 0)::INTEGER AS discounted_orders,
        ARG_MAX_NULL(channel, ROW(ordered_at, order_id)) FILTER (is_counting) AS last_order_channel,
        ARG_MAX_NULL(category, ROW(ordered_at, order_id)) FILTER (is_counting) AS last_order_category,
        MAX({'ordered_at': ordered_at, 'order_id': order_id}) FILTER (is_counting) AS last_order,
        SUM(discount) FILTER (is_counting)::DECIMAL(18, 2) AS discounts,
        SUM(amount) FILTER (is_counting AND discount IS NOT NULL)::DECIMAL(18, 2) AS discount_known_revenue
    FROM raw_orders
    GROUP BY user_id
) TO '$user_days/orders/dt=$day/part-0.parquet' (FORMAT parquet, COMPRESSION zstd);

COPY (
    SELECT
        user_id,
        COUNT(*) FILTER (is_own)::INTEGER AS events,
        COUNT(*) FILTER (is_touch)::INTEGER AS touches,
        COUNT(*) FILTER (is_recall)::INTEGER AS recalls,
        COUNT(*) FILTER (is_save)::INTEGER AS saves,
        COUNT(*) FILTER (is_unsubscribe)::INTEGER AS unsubscribes,
        MAX(occurred_at) FILTER (is_unsubscribe) AS unsubscribed_at,
        MAX(occurred_at) FILTER (is_resubscribe) AS resubscribed_at,
        SUM(duration_seconds) FILTER (is_own)::BIGINT AS watch_seconds,
        ARG_MAX(content_id, ROW(occurred_at, content_id)) FILTER (is_own) AS last_content_id,
        MAX({'occurred_at': occurred_at, 'content_id': content_id}) FILTER (is_own AND content_id IS NOT NULL) AS last_content,
        COUNT(*) FILTER (is_active)::INTEGER AS interactions,
        COUNT(*) FILTER (is_open)::INTEGER AS opens,
        COUNT(*) FILTER (is_post)::INTEGER AS posts,
        COUNT(*) FILTER (is_campaign_exposure)::INTEGER AS campaign_exposures,
        COUNT(*) FILTER (is_campaign_join)::INTEGER AS campaign_joins,
        COUNT(*) FILTER (is_survey)::INTEGER AS surveys,
        COUNT(*) FILTER (is_complaint)::INTEGER AS complaints,
        COUNT(*) FILTER (is_reader)::INTEGER AS reader,
        COUNT(*) FILTER (is_liker)::INTEGER AS liker,
        COUNT(*) FILTER (is_commenter)::INTEGER AS commenter,
        COUNT(*) FILTER (is_sharer)::INTEGER AS sharer,
        COUNT(*) FILTER (is_own AND local_hour < 6)::INTEGER AS events_night,
        COUNT(*) FILTER (is_own AND local_hour BETWEEN 6 AND 11)::INTEGER AS events_morning,
        COUNT(*) FILTER (is_own AND local_hour BETWEEN 12 AND 17)::INTEGER AS events_afternoon,
        COUNT(*) FILTER (is_own AND local_hour >= 18)::INTEGER AS events_evening,
        COUNT(*) FILTER (is_functional)::INTEGER AS functional,
        COUNT(*) FILTER (is_social)::INTEGER AS social,
        COUNT(*) FILTER (is_emotional)::INTEGER AS emotional
    FROM raw_events
    GROUP BY user_id
) TO '$user_days/engagement/dt=$day/part-0.parquet' (FORMAT parquet, COMPRESSION zstd);
