-- What each metric of kpi_daily is called, and how it is written and read.
SELECT
    metric,                                           -- as in kpi_daily
    label_en,                                         -- for reports
    label_zh,                                         -- for reports in Chinese
    unit,                                             -- what is counted; money is in the currency of the orders, a fraction is written as a percentage
    format,                                           -- how to write it, as d3-format does: .1% writes 0.123 as 12.3%
    better,                                           -- up: more is better; down: less is better; none: neither
    sort_order,                                       -- the place in a list of metrics
    CAST(headline AS BIGINT) AS headline,             -- the place in the index of reports, which has these metrics alone
    description                                       -- what is measured
FROM reference.dim_metric
