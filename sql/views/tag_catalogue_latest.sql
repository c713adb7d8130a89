-- tag_catalogue of the newest published day.
SELECT * FROM tag_catalogue WHERE dt = (SELECT max(dt) FROM tags.publications)
