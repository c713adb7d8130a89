-- user_tag_changes of the newest published day.
SELECT * FROM user_tag_changes WHERE dt = (SELECT max(dt) FROM tags.publications)
