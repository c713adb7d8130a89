-- rfm_thresholds of the newest published day.
SELECT * FROM rfm_thresholds WHERE dt = (SELECT max(dt) FROM tags.publications)
