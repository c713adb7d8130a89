-- One tag by another: the RFM segments of the users of each value of every other tag.
SELECT a.tag_id, a.tag_value, b.tag_value AS rfm_segment, count(*) AS users
FROM user_tags_latest AS a
JOIN user_tags_latest AS b ON b.user_id = a.user_id AND b.tag_id = 'rfm_segment'
WHERE a.tag_id <> 'rfm_segment'
GROUP BY a.tag_id, a.tag_value, b.tag_value
ORDER BY a.tag_id, a.tag_value, users DESC, rfm_segment
