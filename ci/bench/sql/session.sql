-- DuckDB as it comes, but for the threads, of which tierline has as many, and for the order of
-- rows, which nobody asks for and which costs memory to keep.
SET threads = $threads;
SET preserve_insertion_order = false;
SET temp_directory = '$spill_folder';

-- What each event type is, as booleans that are never NULL: those are the fastest to count by.
CREATE TEMP TABLE event_types AS
SELECT
    event_type,
    is_touch,
    is_active,
    NOT is_touch AS is_own,
    COALESCE(role = 'open', FALSE) AS is_open,
    COALESCE(role = 'post', FALSE) AS is_post,
    event_type = 'campaign_exposure' AS is_campaign_exposure,
    COALESCE(role = 'save', FALSE) AS is_save,
    COALESCE(role = 'recall', FALSE) AS is_recall,
    COALESCE(role = 'unsubscribe', FALSE) AS is_unsubscribe,
    COALESCE(role = 'resubscribe', FALSE) AS is_resubscribe,
    COALESCE(role = 'campaign_join', FALSE) AS is_campaign_join,
    COALESCE(role = 'survey', FALSE) AS is_survey,
    COALESCE(role = 'complaint', FALSE) AS is_complaint,
    COALESCE(style = 'reader', FALSE) AS is_reader,
    COALESCE(style = 'liker', FALSE) AS is_liker,
    COALESCE(style = 'commenter', FALSE) AS is_commenter,
    COALESCE(style = 'sharer', FALSE) AS is_sharer,
    COALESCE(need = 'functional', FALSE) AS is_functional,
    COALESCE(need = 'social', FALSE) AS is_social,
    COALESCE(need = 'emotional', FALSE) AS is_emotional
FROM read_csv('$reference/event_types.csv');
