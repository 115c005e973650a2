-- How deeply a user interacts. Passive events such as views do not count.
SELECT
    user_id,
    CASE
        WHEN interactions_7d >= $deep_interactions_7d THEN 'deep'
        WHEN interactions_7d >= 1 THEN 'moderate'
        WHEN interactions_30d >= 1 THEN 'occasional'
        ELSE 'light'
    END AS interaction_depth
FROM features.users
