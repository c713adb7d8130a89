"""Spark's functions, imported when the first of them is called.

For modules that say of one concept both how it is read from the configuration and how Spark computes it:
whoever only reads the configuration, as Airflow does to parse a DAG, does not load Spark.
"""

from typing import TYPE_CHECKING, Any

__all__ = ["F"]

if TYPE_CHECKING:
    from pyspark.sql import functions as F
else:

    class _WhenCalled:
        def __getattr__(self, name: str) -> Any:
            from pyspark.sql import functions

            return getattr(functions, name)

    F = _WhenCalled()
