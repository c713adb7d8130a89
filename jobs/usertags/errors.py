"""The exceptions of the pipeline, each with the exit code that the command line returns.

Exit codes: 0 done · 2 configuration or usage · 3 data (a gate refused; readers keep the last good day)
· 4 infrastructure (a retry may help).
"""

from dataclasses import dataclass

from usertags.language import Language, Words

# What stands before the parts of an error.
ERROR, SAFE, NEXT = Words("Error", "错误"), Words("Still safe", "仍然安全"), Words("Next", "下一步")
COLON = Words(": ", "：")


class UsertagsError(Exception):
    """An error that a person can act on: what happened, what is still safe, what to do next.

    Errors of commands are English. One about the data of a day is in the `language` of its project.
    """

    exit_code = 1
    language: Language = "en"

    def __init__(self, message: str, *, safe: str = "", next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.safe = safe
        self.next_step = next_step

    def __str__(self) -> str:
        parts = [self.message]
        colon = COLON.of(self.language)
        if self.safe:
            parts.append(f"{SAFE.of(self.language)}{colon}{self.safe}")
        if self.next_step:
            parts.append(f"{NEXT.of(self.language)}{colon}{self.next_step}")
        return "\n".join(parts)


@dataclass(frozen=True)
class ConfigProblem:
    """One problem of the configuration: its location and, if known, what was probably meant.

    Line 0 means the whole file or folder.
    """

    file: str
    line: int
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        hint = f" (did you mean {self.suggestion}?)" if self.suggestion else ""
        return f"{place}: {self.message}{hint}"


class ConfigError(UsertagsError):
    """The configuration cannot be used; carries every problem found, not just the first."""

    exit_code = 2

    def __init__(self, problems: list[ConfigProblem], *, next_step: str = "") -> None:
        self.problems = sorted(set(problems), key=lambda each: (each.file, each.line, str(each)))
        lines = "\n".join(str(problem) for problem in self.problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__(
            f"{count} in the configuration:\n{lines}",
            safe="nothing was read or written",
            next_step=next_step or "correct the lines above and run `usertags check`",
        )


class UsageError(UsertagsError):
    """The command was given something that does not exist or is not possible: a retry does not help."""

    exit_code = 2


class DataError(UsertagsError):
    """The data is missing or not good enough; readers keep the last good day and a retry does not help."""

    exit_code = 3


class InfrastructureError(UsertagsError):
    """A server, network or disk failed; the same command may succeed later."""

    exit_code = 4
