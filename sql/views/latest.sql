-- A view's rows of the newest published day.
SELECT * FROM {table} WHERE dt = (SELECT max(dt) FROM tags.publications)
