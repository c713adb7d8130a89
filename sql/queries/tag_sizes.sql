-- How many users carry each tag on the newest published day, whatever values they have of it, largest first.
SELECT c.name_zh, s.tag_id, s.users, round(100 * s.share, 2) AS percent, s.change
FROM tag_coverage_latest AS s
JOIN tag_catalogue_latest AS c ON c.tag_id = s.tag_id
ORDER BY s.users DESC, s.tag_id
