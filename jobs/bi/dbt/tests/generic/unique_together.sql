{% test unique_together(model, columns) %}
-- Rows that have the same values in all of these columns. NULL counts as a value.
SELECT {{ columns | join(', ') }}
FROM {{ model }}
GROUP BY {{ columns | join(', ') }}
HAVING COUNT(*) > 1
{% endtest %}
