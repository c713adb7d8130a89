-- user_profile of the newest published day.
SELECT * FROM user_profile WHERE dt = (SELECT max(dt) FROM tags.publications)
