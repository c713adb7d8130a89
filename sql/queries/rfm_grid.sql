-- The recency × frequency grid of the newest published day, with the mean of what its users paid.
SELECT r_score, f_score, count(*) AS users, round(avg(monetary), 2) AS mean_monetary
FROM rfm_latest
WHERE r_score IS NOT NULL
GROUP BY r_score, f_score
ORDER BY r_score DESC, f_score DESC
