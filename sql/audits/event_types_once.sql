-- Each event type stands once in reference/event_types.csv, with words that the rollup counts: a
-- second line would count its events twice, a misspelt word nowhere.
SELECT
    event_type,
    COUNT(*) AS lines
FROM reference.event_types
GROUP BY event_type
HAVING
    COUNT(*) > 1
    OR BOOL_OR(style NOT IN ('reader', 'liker', 'commenter', 'sharer'))
    OR BOOL_OR(need NOT IN ('functional', 'social', 'emotional'))
    OR BOOL_OR(role NOT IN ('open', 'post', 'survey', 'complaint', 'campaign_exposure', 'campaign_join'))
