-- What a user mostly comes for, over 90 days. On a tie functional comes first, then
-- social, then emotional.
SELECT
    user_id,
    CASE GREATEST(functional_90d, social_90d, emotional_90d)
        WHEN 0 THEN 'none'
        WHEN functional_90d THEN 'functional'
        WHEN social_90d THEN 'social'
        ELSE 'emotional'
    END AS need_type
FROM features.users
