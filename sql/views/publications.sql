-- Every published day: its run, verdict and warnings.
SELECT * FROM tags.publications
