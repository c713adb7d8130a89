-- rfm of the newest published day.
SELECT * FROM rfm WHERE dt = (SELECT max(dt) FROM tags.publications)
