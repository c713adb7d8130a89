-- Users of each tag value by day, and the change since the previous published day, largest changes first.
SELECT dt, tag_id, tag_value, users, users_before, change
FROM tag_statistics
WHERE change <> 0
ORDER BY dt DESC, abs(change) DESC, tag_id, tag_value
