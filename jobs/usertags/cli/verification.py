"""What `usertags verify` shows: the tables with their differences, each difference, and what was left out."""

from usertags.cli.console import out
from usertags.errors import DataError
from usertags.verify.compare import Difference
from usertags.verify.verify import Verification


def show_verification(found: Verification) -> None:
    """Show the result. Raises DataError if anything differs."""
    for note in found.notes:
        out.print(f"note          {note}", markup=False, soft_wrap=True)
    for line in found.not_verified:
        out.print(f"not verified  {line}", markup=False, soft_wrap=True)
    for difference in found.differences:
        out.print(f"different     {_described(difference)}", markup=False, soft_wrap=True)
    for table in found.tables:
        counts = f"{table.published:>9,} published {table.recomputed:>9,} computed again"
        out.print(
            f"{table.table:<30}{counts} {table.differences:>7,} differences", markup=False, soft_wrap=True
        )
    total = "1 difference" if found.count == 1 else f"{found.count:,} differences"
    colour = "red" if found.count else "green"
    out.print(
        f"[{colour}]{total}[/{colour}] on {found.data_day}, run {found.run_id}, {found.users:,} users",
        soft_wrap=True,
    )
    if found.count:
        raise DataError(
            f"{found.data_day} was published with {total} from what its clean tables say",
            safe="nothing was written",
            next_step="see the differences above; if they are right, correct the cause and run the day again",
        )


def _described(each: Difference) -> str:
    where = [
        each.table,
        *([f"user {each.user}"] if each.user else []),
        *([each.subject] if each.subject else []),
    ]
    if each.column:
        what = f"{each.column} is {_shown(each.published)}, computed again {_shown(each.recomputed)}"
    elif each.recomputed is None:
        what = "a row too many"
    else:
        what = "a row is missing"
    return f"{', '.join(where)}: {what}" + (f" ({each.made_by})" if each.made_by else "")


def _shown(value: str | None) -> str:
    return "nothing" if value is None else value
