-- Every user of the newest date, with a label and a place in charts for the tier of each dimension.
SELECT
    users.*,
    value_tier_names.label_en AS value_tier_label_en,
    value_tier_names.label_zh AS value_tier_label_zh,
    value_tier_names.sort_order AS value_tier_sort,
    lifecycle_stage_names.label_en AS lifecycle_stage_label_en,
    lifecycle_stage_names.label_zh AS lifecycle_stage_label_zh,
    lifecycle_stage_names.sort_order AS lifecycle_stage_sort,
    customer_layer_names.label_en AS customer_layer_label_en,
    customer_layer_names.label_zh AS customer_layer_label_zh,
    customer_layer_names.sort_order AS customer_layer_sort,
    interaction_depth_names.label_en AS interaction_depth_label_en,
    interaction_depth_names.label_zh AS interaction_depth_label_zh,
    interaction_depth_names.sort_order AS interaction_depth_sort,
    participation_level_names.label_en AS participation_level_label_en,
    participation_level_names.label_zh AS participation_level_label_zh,
    participation_level_names.sort_order AS participation_level_sort,
    rfm_class_names.label_en AS rfm_class_label_en,
    rfm_class_names.label_zh AS rfm_class_label_zh,
    rfm_class_names.sort_order AS rfm_class_sort,
    value_engagement_names.label_en AS value_engagement_label_en,
    value_engagement_names.label_zh AS value_engagement_label_zh,
    value_engagement_names.sort_order AS value_engagement_sort,
    engagement_style_names.label_en AS engagement_style_label_en,
    engagement_style_names.label_zh AS engagement_style_label_zh,
    engagement_style_names.sort_order AS engagement_style_sort,
    need_type_names.label_en AS need_type_label_en,
    need_type_names.label_zh AS need_type_label_zh,
    need_type_names.sort_order AS need_type_sort,
    price_sensitivity_names.label_en AS price_sensitivity_label_en,
    price_sensitivity_names.label_zh AS price_sensitivity_label_zh,
    price_sensitivity_names.sort_order AS price_sensitivity_sort
FROM {{ source('tierline', 'tier_current') }} AS users
LEFT JOIN {{ ref('dim_tier_sorted') }} AS value_tier_names
    ON value_tier_names.dimension = 'value_tier' AND users.value_tier = value_tier_names.tier
LEFT JOIN {{ ref('dim_tier_sorted') }} AS lifecycle_stage_names
    ON lifecycle_stage_names.dimension = 'lifecycle_stage' AND users.lifecycle_stage = lifecycle_stage_names.tier
LEFT JOIN {{ ref('dim_tier_sorted') }} AS customer_layer_names
    ON customer_layer_names.dimension = 'customer_layer' AND users.customer_layer = customer_layer_names.tier
LEFT JOIN {{ ref('dim_tier_sorted') }} AS interaction_depth_names
    ON interaction_depth_names.dimension = 'interaction_depth' AND users.interaction_depth = interaction_depth_names.tier
LEFT JOIN {{ ref('dim_tier_sorted') }} AS participation_level_names
    ON participation_level_names.dimension = 'participation_level' AND users.participation_level = participation_level_names.tier
LEFT JOIN {{ ref('dim_tier_sorted') }} AS rfm_class_names
    ON rfm_class_names.dimension = 'rfm_class' AND users.rfm_class = rfm_class_names.tier
LEFT JOIN {{ ref('dim_tier_sorted') }} AS value_engagement_names
    ON value_engagement_names.dimension = 'value_engagement' AND users.value_engagement = value_engagement_names.tier
LEFT JOIN {{ ref('dim_tier_sorted') }} AS engagement_style_names
    ON engagement_style_names.dimension = 'engagement_style' AND users.engagement_style = engagement_style_names.tier
LEFT JOIN {{ ref('dim_tier_sorted') }} AS need_type_names
    ON need_type_names.dimension = 'need_type' AND users.need_type = need_type_names.tier
LEFT JOIN {{ ref('dim_tier_sorted') }} AS price_sensitivity_names
    ON price_sensitivity_names.dimension = 'price_sensitivity' AND users.price_sensitivity = price_sensitivity_names.tier
