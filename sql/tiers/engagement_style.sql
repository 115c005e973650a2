-- What a user mostly does, over 30 days. On a tie the one that takes more wins: sharing, then
-- commenting, then liking, then reading.
SELECT
    user_id,
    CASE GREATEST(sharer_30d, commenter_30d, liker_30d, reader_30d)
        WHEN 0 THEN 'none'
        WHEN sharer_30d THEN 'sharer'
        WHEN commenter_30d THEN 'commenter'
        WHEN liker_30d THEN 'liker'
        ELSE 'reader'
    END AS engagement_style
FROM features.users
