"""What the results of a stage add up to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from usertags.errors import DataError
from usertags.language import Language, name_of
from usertags.quality import texts
from usertags.quality.checks import CheckResult
from usertags.quality.sentences import action, sentence


class GateRefused(DataError):
    """A critical check failed: nothing of the run reaches a reader. `failed` are those checks, `results` all
    of the stage. The text has sentences about them, and no row."""

    def __init__(
        self, data_day: date, stage: str, results: Sequence[CheckResult], language: Language = "en"
    ) -> None:
        self.stage, self.results, self.language = stage, tuple(results), language
        self.failed = [result for result in results if refuses(result)]
        super().__init__(
            texts.GATE_REFUSED.filled(
                language,
                count=len(self.failed),
                stage=name_of(stage, texts.STAGES, language),
                day=data_day,
                lines="\n".join(_line(result, language) for result in self.failed),
            ),
            safe=texts.GATE_SAFE.of(language),
            next_step=texts.GATE_NEXT.filled(language, day=data_day),
        )


def _line(result: CheckResult, language: Language) -> str:
    fields = {"sentence": sentence(result, language), "action": action(result, language)}
    return texts.GATE_LINE.filled(language, **fields)


@dataclass(frozen=True)
class Verdict:
    """What the checks of a stage add up to, and those that warn."""

    status: Literal["passed", "warned", "refused"]
    warnings: tuple[CheckResult, ...] = ()


def refuses(result: CheckResult) -> bool:
    """Whether a result refuses the day: a critical check that failed."""
    return not result.success and result.severity == "critical"


def judge(results: Sequence[CheckResult]) -> Verdict:
    """The verdict on all results of a stage: the gravest failure decides, and `info` never does."""
    failed = [result for result in results if not result.success]
    warnings = tuple(result for result in failed if result.severity == "warning")
    if any(refuses(result) for result in results):
        return Verdict("refused", warnings)
    return Verdict("warned" if warnings else "passed", warnings)
