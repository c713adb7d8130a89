"""The checks on frames of pandas: what the library does with a result is the same, and no Spark is needed."""

from typing import Any

from usertags.quality.expectations import DATA_SOURCE, Validator


class PandasValidator(Validator):
    @property
    def _source(self) -> Any:
        return self._context.data_sources.add_or_update_pandas(DATA_SOURCE)
