-- tag_statistics of the newest published day.
SELECT * FROM tag_statistics WHERE dt = (SELECT max(dt) FROM tags.publications)
