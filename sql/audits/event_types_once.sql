-- Each event type stands once in reference/event_types.csv, with words that the rollup counts: a
-- second line would count its events twice, a misspelt word nowhere. What the brand did to a user says
-- nothing of what the user did: touches have the role recall or none, and nothing else.
SELECT
    event_type,
    COUNT(*) AS lines,
    MAX(style) FILTER (WHERE style NOT IN ('reader', 'liker', 'commenter', 'sharer')) AS unknown_style,
    MAX(need) FILTER (WHERE need NOT IN ('functional', 'social', 'emotional')) AS unknown_need,
    MAX(role) FILTER (
        WHERE role NOT IN ('open', 'post', 'save', 'survey', 'complaint', 'campaign_join', 'recall', 'unsubscribe', 'resubscribe')
    ) AS unknown_role,
    BOOL_OR(
        is_touch IS NULL
        OR is_active IS NULL
        OR (is_touch AND (is_active OR style IS NOT NULL OR need IS NOT NULL OR role <> 'recall'))
        OR (NOT is_touch AND role = 'recall')
    ) AS touches_and_acts
FROM reference.event_types
GROUP BY event_type
HAVING
    lines > 1
    OR unknown_style IS NOT NULL
    OR unknown_need IS NOT NULL
    OR unknown_role IS NOT NULL
    OR touches_and_acts
