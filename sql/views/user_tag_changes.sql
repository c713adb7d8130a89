-- tags.user_tag_changes, the published rows alone.
SELECT t.*, p.verdict
FROM tags.user_tag_changes AS t
JOIN tags.publications AS p ON p.dt = t.dt AND p.run_id = t.run_id
