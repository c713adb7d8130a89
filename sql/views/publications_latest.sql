-- The newest published day.
SELECT * FROM tags.publications WHERE dt = (SELECT max(dt) FROM tags.publications)
