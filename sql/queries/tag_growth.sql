-- Users of each tag value by day, and the change against the published day before: what moved most stands first.
SELECT dt, tag_id, tag_value, users, users_before, change
FROM tag_statistics
WHERE change <> 0
ORDER BY dt DESC, abs(change) DESC, tag_id, tag_value
