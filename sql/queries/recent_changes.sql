-- Changes on the newest published day by tag and reason.
SELECT tag_id, change, reason, count(*) AS users
FROM user_tag_changes_latest
GROUP BY tag_id, change, reason
ORDER BY users DESC, tag_id, change
