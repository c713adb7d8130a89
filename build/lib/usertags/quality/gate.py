"""What the results of a stage add up to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from usertags.errors import DataError
from usertags.quality.checks import CheckResult
from usertags.quality.sentences import action, sentence


class GateRefused(DataError):
    """A critical check failed: nothing of the run reaches a reader."""

    def __init__(self, day: date, stage: str, results: Sequence[CheckResult]) -> None:
        self.stage, self.results = stage, tuple(results)
        self.failed = [result for result in results if refuses(result)]
        lines = "\n".join(f"  {sentence(result)}\n    do: {action(result)}" for result in self.failed)
        super().__init__(
            f"{len(self.failed)} critical check(s) of the {stage} stage failed for {day}:\n{lines}",
            safe="readers keep the last good day; the branch of this run stays for inspection",
            next_step=f"put the data right and run {day} again, or release it (`usertags release`); "
            "later days wait until then",
        )


@dataclass(frozen=True)
class Verdict:
    """What the checks of a stage add up to, and those that warn."""

    status: Literal["passed", "warned", "refused"]
    warnings: tuple[CheckResult, ...] = ()


def refuses(result: CheckResult) -> bool:
    return not result.success and result.severity == "critical"


def judge(results: Sequence[CheckResult]) -> Verdict:
    failed = [result for result in results if not result.success]
    warnings = tuple(result for result in failed if result.severity == "warning")
    if any(refuses(result) for result in results):
        return Verdict("refused", warnings)
    return Verdict("warned" if warnings else "passed", warnings)
