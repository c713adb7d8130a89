-- How many users carry each value of each tag on the newest published day, and what share that is.
SELECT c.name_zh, s.tag_id, s.tag_value, s.users, round(100 * s.share, 2) AS percent
FROM tag_statistics_latest AS s
JOIN tag_catalogue_latest AS c ON c.tag_id = s.tag_id
ORDER BY s.tag_id, s.users DESC, s.tag_value
