-- Every published day: its run, verdict (passed, warned, released), warnings, and who released it and why.
SELECT * FROM tags.publications
