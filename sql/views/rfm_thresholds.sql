-- tags.rfm_thresholds, the published rows alone.
SELECT t.*, p.verdict
FROM tags.rfm_thresholds AS t
JOIN tags.publications AS p ON p.dt = t.dt AND p.run_id = t.run_id
