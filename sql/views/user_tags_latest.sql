-- user_tags of the newest published day.
SELECT * FROM user_tags WHERE dt = (SELECT max(dt) FROM tags.publications)
