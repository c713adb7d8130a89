"""`usertags verify`: a published day computed again from the clean tables by another engine, and compared.

DuckDB does here what Spark does in usertags/transform. Shared are the loaded configuration with its parsed
expressions, the readers of the lake and the registers; nothing of usertags/transform, and of the kinds of
tags only what an entry says.
"""
