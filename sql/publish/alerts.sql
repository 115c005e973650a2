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

limits AS (
    SELECT
        unnest([
            named_struct(
                'alert', 'high_value_revenue_share',
                'severity', 'warning',
                'lowest', CAST($min_high_value_revenue_share AS DOUBLE),
                'highest', CAST(NULL AS DOUBLE),
                'message', 'High-value users bring in a smaller share of revenue than they should: look at who left the highest value_tier, and at what holds the one below it back.'
            ),
            named_struct(
                'alert', 'complaints_change_rate',
                'severity', 'critical',
                'lowest', CAST(NULL AS DOUBLE),
                'highest', CAST($max_complaints_change_rate AS DOUBLE),
                'message', 'Complaints rose sharply from the day before to the snapshot date: find the product or campaign behind them before the next message goes out.'
            ),
            named_struct(
                'alert', 'ltv_to_cac',
                'severity', 'warning',
                'lowest', CAST($low_ltv_to_cac AS DOUBLE),
                'highest', CAST(NULL AS DOUBLE),
                'message', 'Users bring in too little for what it cost to win them: compare acquisition channels, and stop the ones that never pay back.'
            ),
            named_struct(
                'alert', 'high_value_weekly_outflow_rate',
                'severity', 'critical',
                'lowest', CAST(NULL AS DOUBLE),
                'highest', CASE WHEN usual_outflow.dates >= $outflow_min_dates THEN usual_outflow.highest END,
                'message', 'More users of high value are falling than usual: list them from tier_migration and contact them personally this week.'
            )
        ]) AS limited
    FROM usual_outflow
)

SELECT
    limits.limited['alert'] AS alert,                 -- the metric of kpi_daily
    limits.limited['severity'] AS severity,           -- warning: look into it this week; critical: today
    kpis.value,                                       -- the metric as of the snapshot date
    COALESCE(limits.limited['lowest'], limits.limited['highest']) AS threshold,  -- the limit that it is past
    limits.limited['message'] AS message              -- what it means, and what to do
FROM limits
INNER JOIN publish.kpi_daily AS kpis
    ON limits.limited['alert'] = kpis.metric
WHERE
    kpis.value < limits.limited['lowest']
    OR kpis.value > limits.limited['highest']
