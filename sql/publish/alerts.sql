-- The metrics of a night that are past their limit. A metric that is NULL raises nothing.
WITH outflow_rates AS (
    SELECT CAST(round(value * 1e12) AS DECIMAL(38, 0)) AS rate  -- in units of 1e-12: sums of DOUBLE depend on the order of rows
    FROM history.kpi_daily                            -- the last 28 published dates before this one
    WHERE metric = 'high_value_weekly_outflow_rate' AND value IS NOT NULL
),

-- mean and population standard deviation, as (sum + n * sqrt(count * sum of squares - sum squared)) / count
usual_outflow AS (
    SELECT
        COUNT(*) AS dates,
        (
            CAST(SUM(rate) AS DOUBLE)
            + $outflow_deviations * sqrt(CAST(COUNT(*) * SUM(rate * rate) - SUM(rate) * SUM(rate) AS DOUBLE))
        ) / (NULLIF(COUNT(*), 0) * 1e12) + 1e-9 AS highest  -- 1e-9: a steady rate must not pass its own mean by rounding
    FROM outflow_rates
),

tonight AS (
    SELECT
        MAX(value) FILTER (WHERE metric = 'complaints_d0') AS complaints_d0,
        MAX(value) FILTER (WHERE metric = 'complaints_usual') AS complaints_usual,
        MAX(value) FILTER (WHERE metric = 'high_value_weekly_outflow_users') AS outflow_users
    FROM publish.kpi_daily
),

-- the lowest and the highest value that raise nothing; NULL for no limit
limits AS (
    SELECT
        unnest([
            named_struct(
                'alert', 'high_value_revenue_share',
                'severity', 'warning',
                'lowest', CAST($min_high_value_revenue_share AS DOUBLE),
                'highest', CAST(NULL AS DOUBLE),
                'title_en', 'High value brings in too little',
                'title_zh', '高价值收入占比过低',
                'message', 'High-value users bring in a smaller share of revenue than they should: look at who left the highest value_tier, and at what holds the one below it back.',
                'message_zh', '高价值用户贡献的收入占比低于应有水平：看看谁离开了最高的value_tier，以及次一级用户为什么升不上来。'
            ),
            named_struct(
                'alert', 'high_value_buyer_share',
                'severity', 'warning',
                'lowest', CAST($min_high_value_buyer_share AS DOUBLE),
                'highest', CAST($max_high_value_buyer_share AS DOUBLE),
                'title_en', 'High value: too few or too many buyers',
                'title_zh', '高价值买家占比异常',
                'message', 'Of all buyers, unusually few or unusually many are of high value: the cut points no longer divide them. Compare them with new ones by tierline calibrate.',
                'message_zh', '高价值用户占全部买家的比例过低或过高，现行分档已分不开用户：用tierline calibrate对比新的分档。'
            ),
            named_struct(
                'alert', 'complaints_d0',
                'severity', 'critical',
                'lowest', CAST(NULL AS DOUBLE),
                'highest', CASE
                    WHEN tonight.complaints_d0 >= $min_complaints
                        THEN tonight.complaints_usual + $complaints_deviations * sqrt(tonight.complaints_usual)
                END,
                'title_en', 'Far more complaints than usual',
                'title_zh', '投诉明显多于平常',
                'message', 'There were far more complaints on the snapshot date than usual: find the product or campaign behind them before the next message goes out.',
                'message_zh', '快照当日投诉明显多于平常：先查清是哪个商品或活动引起的，再发下一条消息。'
            ),
            named_struct(
                'alert', 'ltv_to_cac',
                'severity', 'warning',
                'lowest', CAST($low_ltv_to_cac AS DOUBLE),
                'highest', CAST(NULL AS DOUBLE),
                'title_en', 'Users bring in too little for their cost',
                'title_zh', '用户价值抵不上获客成本',
                'message', 'Users bring in too little for what it cost to win them: compare acquisition channels, and stop the ones that never pay back.',
                'message_zh', '用户带来的价值抵不上获客成本：对比各获客渠道，停掉始终收不回成本的。'
            ),
            named_struct(
                'alert', 'score_drift',
                'severity', 'warning',
                'lowest', CAST(NULL AS DOUBLE),
                'highest', CAST($max_score_drift AS DOUBLE),
                'title_en', 'Cut points no longer fit the users',
                'title_zh', '分档已不适合现有用户',
                'message', 'Scores are distributed otherwise than when the cut points were made: the same tier no longer means the same users. Compare new cut points by tierline calibrate.',
                'message_zh', '得分分布已偏离制定分档时的分布，同一层级已不是同样的用户：用tierline calibrate对比新的分档。'
            ),
            named_struct(
                'alert', 'high_value_weekly_outflow_rate',
                'severity', 'critical',
                'lowest', CAST(NULL AS DOUBLE),
                'highest', CASE
                    WHEN usual_outflow.dates >= $outflow_min_dates AND tonight.outflow_users >= $outflow_min_users
                        THEN usual_outflow.highest
                END,
                'title_en', 'High-value users are leaving',
                'title_zh', '高价值用户流出异常',
                'message', 'More users of high value are falling than usual: list them from tier_migration and contact them personally this week.',
                'message_zh', '高价值用户流出多于平常：从tier_migration拉出名单，本周内逐一联系。'
            )
        ]) AS limited
    FROM usual_outflow
    CROSS JOIN tonight
)

SELECT
    limits.limited['alert'] AS alert,                 -- the metric of kpi_daily
    limits.limited['severity'] AS severity,           -- warning: look into it this week; critical: today
    kpis.value,                                       -- the metric as of the snapshot date
    CASE
        WHEN kpis.value < limits.limited['lowest'] THEN limits.limited['lowest']
        ELSE limits.limited['highest']
    END AS threshold,                                 -- the limit that it is past
    limits.limited['title_en'] AS title_en,           -- what it means in a few words: 40 characters at most
    limits.limited['title_zh'] AS title_zh,           -- the same in Chinese
    limits.limited['message'] AS message,             -- what it means, and what to do
    limits.limited['message_zh'] AS message_zh        -- the same in Chinese
FROM limits
INNER JOIN publish.kpi_daily AS kpis
    ON limits.limited['alert'] = kpis.metric
WHERE
    kpis.value < limits.limited['lowest']
    OR kpis.value > limits.limited['highest']
