-- Each event type stands once in reference/event_types.csv, with words that the rollup counts: a
-- second line would count its events twice, a misspelt word nowhere.
SELECT
    event_type,
    COUNT(*) AS lines,
    MAX(style) FILTER (WHERE style NOT IN ('reader', 'liker', 'commenter', 'sharer')) AS unknown_style,
    MAX(need) FILTER (WHERE need NOT IN ('functional', 'social', 'emotional')) AS unknown_need,
    MAX(role) FILTER (
        WHERE role NOT IN ('open', 'post', 'survey', 'complaint', 'campaign_exposure', 'campaign_join')
    ) AS unknown_role
FROM reference.event_types
GROUP BY event_type
HAVING
    lines > 1
    OR unknown_style IS NOT NULL
    OR unknown_need IS NOT NULL
    OR unknown_role IS NOT NULL
