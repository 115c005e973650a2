-- Names of the two sides of a Sankey that meet.
SELECT opening.before_name
FROM {{ ref('matrix_labelled') }} AS opening
INNER JOIN {{ ref('matrix_labelled') }} AS closing
    ON opening.before_name = closing.after_name
