-- Users, orders and money of each RFM segment on the newest published day.
SELECT segment, count(*) AS users, sum(frequency) AS orders, round(sum(monetary), 2) AS monetary
FROM rfm_latest
GROUP BY segment
ORDER BY users DESC, segment
