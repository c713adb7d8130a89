"""Pages as Great Expectations writes them, of checks that ran on pandas."""

from typing import Any

import pandas as pd

from tests.support.on_pandas import PandasValidator
from usertags.quality.checks import Check
from usertags.quality.expectations import Sampling
from usertags.quality.kinds import CheckKind


def check(name: str, expectation: str, **arguments: Any) -> Check:
    return Check("clean.orders", CheckKind.OWN, expectation, arguments, "critical", "shop", "look", name)


def library_pages() -> dict[str, str]:
    """As the library writes them: five orders, one with an amount of -7, one with a phone of another form."""
    frame = pd.DataFrame(
        {
            "order_id": ["A1", "A2", "A3", "A4", "A5"],
            "amount": [3.0, -7.0, 5.0, 4.0, 2.0],
            "phone": ["ab01", "ab02", "zz-secret", "ab03", "ab04"],
        }
    )
    checks = [
        check("rows", "ExpectTableRowCountToBeBetween", min_value=1),
        check("amount in its range", "ExpectColumnValuesToBeBetween", column="amount", min_value=0),
        check("phone in its form", "ExpectColumnValuesToMatchRegex", column="phone", regex="^ab"),
        check("ids", "ExpectColumnValuesToBeUnique", column="order_id"),
    ]
    validator = PandasValidator()
    sampling = Sampling(("order_id", "phone"), frozenset({"phone"}))
    found = validator.validate("clean.orders", frame, checks, sampling=sampling)  # type: ignore[arg-type]
    assert [result.success for result in found] == [True, True, False, False, True]
    return validator.pages()
