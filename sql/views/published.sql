-- The published rows of a table alone, with the verdict of their day.
SELECT t.*, p.verdict
FROM tags.{table} AS t
JOIN tags.publications AS p ON p.dt = t.dt AND p.run_id = t.run_id
