"""Loading in the background: a page waits a little, never for long, and Airflow's own threads never do."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future
from threading import BoundedSemaphore, Lock, Thread
from typing import Generic, TypeVar

from jobs.errors import InfrastructureError, UsertagsError

T = TypeVar("T")


class Unavailable(Exception):
    """Nothing can be shown now; says what happened, what is safe and what to do."""

    def __init__(self, error: UsertagsError) -> None:
        super().__init__(str(error))
        self.error = error


class Refreshed(Generic[T]):
    """A value that is loaded again when it is asked for after `fresh_for` seconds, one load at a time.

    While a load takes longer than `patience`, or has failed within the last `retry_after` seconds, the value
    of before is given, with `problem` saying so. A load that hangs is left alone after `abandon_after`.
    A value that is `unfinished` is given too, while the next load begins at once.
    """

    def __init__(
        self,
        load: Callable[[], T],
        *,
        unfinished: Callable[[T], bool] = lambda value: False,
        fresh_for: float = 3,
        patience: float = 8,
        retry_after: float = 5,
        abandon_after: float = 90,
    ) -> None:
        self._load, self._unfinished = load, unfinished
        self._fresh_for, self._patience = fresh_for, patience
        self._retry_after, self._abandon_after = retry_after, abandon_after
        self._lock = Lock()
        self._running: Future[T] | None = None
        self._started = self._ended = self._failed_at = float("-inf")
        self._value: T | None = None
        self.problem: UsertagsError | None = None

    async def get(self) -> T:
        """The value; raises Unavailable when there is none."""
        now = time.monotonic()
        if self._value is not None and now - self._ended < self._fresh_for:
            return self._value
        if now - self._failed_at >= self._retry_after:
            await self._wait(self.begin(), 0.6 if self._value is not None else self._patience)
        if self._value is not None:
            return self._value
        raise Unavailable(self.problem or _SLOW)

    async def _wait(self, running: "Future[T]", seconds: float) -> None:
        try:
            await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(running)), seconds)
        except TimeoutError:
            self.problem = self.problem or _SLOW
        except Exception:  # noqa: BLE001, S110 - `_run` has put it down as the problem
            pass

    def begin(self) -> "Future[T]":
        """Load, unless a load is under way."""
        with self._lock:
            hangs = time.monotonic() - self._started > self._abandon_after
            if self._running is None or self._running.done() or hangs:
                self._started = time.monotonic()
                self._running = Future()
                Thread(target=self._run, args=(self._running,), daemon=True).start()
            return self._running

    def _run(self, promise: "Future[T]") -> None:
        try:
            value = self._load()
        except Exception as error:  # noqa: BLE001 - whatever library reads: the page tells it
            self.problem = _told(error)
            self._failed_at = time.monotonic()
            promise.set_exception(error)
            return
        self._value, self.problem, self._ended = value, None, time.monotonic()
        promise.set_result(value)
        if self._unfinished(value):
            self.begin()


# Look-ups that wait for a lake that hangs are not to pile up.
_SLOTS = BoundedSemaphore(16)


async def in_thread(work: Callable[[], T], patience: float = 8) -> T:
    """Run some reading in a thread of its own; raises Unavailable when it fails, takes too long, or when too
    many wait already."""
    promise: Future[T] = Future()
    if not _SLOTS.acquire(blocking=False):
        raise Unavailable(_SLOW)

    def run() -> None:
        try:
            promise.set_result(work())
        except Exception as error:  # noqa: BLE001 - told below
            promise.set_exception(error)
        finally:
            _SLOTS.release()

    Thread(target=run, daemon=True).start()
    try:
        return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(promise)), patience)
    except TimeoutError as error:
        raise Unavailable(_SLOW) from error
    except Exception as error:
        raise Unavailable(_told(error)) from error


_SLOW = InfrastructureError(
    "the lake has not answered yet",
    safe="pipeline and published tables are not touched by this page",
    next_step="load the page again in a moment",
)


def _told(error: Exception) -> UsertagsError:
    """What a person may read of an error: our own words, or the kind of the error alone."""
    if isinstance(error, UsertagsError):
        return error
    return InfrastructureError(
        f"the lake does not answer ({type(error).__name__})",
        safe="pipeline and published tables are not touched by this page",
        next_step="see whether catalog and object storage run (`usertags services status`)",
    )
