"""Background loading: a page waits only briefly, and Airflow's own threads never wait."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future
from threading import BoundedSemaphore, Lock, Thread
from typing import Generic, TypeVar

from plugins.usertags_quality import texts
from usertags.errors import InfrastructureError, UsertagsError
from usertags.language import Words

T = TypeVar("T")


class Unavailable(Exception):
    """Nothing can be shown; explains what happened, what is safe and what to do."""

    def __init__(self, error: UsertagsError) -> None:
        super().__init__(str(error))
        self.error = error


class Refreshed(Generic[T]):
    """A value that is reloaded on access after `fresh_for` seconds, with one load at a time.

    If a load takes longer than `patience`, or has failed within the last `retry_after` seconds, the
    previous value is returned, with the reason in `problem`. A hanging load is abandoned after
    `abandon_after`. An `unfinished` value is returned as well, and the next load starts immediately.
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
        """The value; raises Unavailable if there is none."""
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
        """Start a load, unless one is running."""
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
        except Exception as error:  # noqa: BLE001 - whatever library reads: the page shows it
            self.problem = _public_error(error)
            self._failed_at = time.monotonic()
            promise.set_exception(error)
            return
        self._value, self.problem, self._ended = value, None, time.monotonic()
        promise.set_result(value)
        if self._unfinished(value):
            self.begin()


# Lookups that wait for a hanging lake must not pile up.
_SLOTS = BoundedSemaphore(16)


async def in_thread(work: Callable[[], T], patience: float = 8) -> T:
    """Run a read in its own thread; raises Unavailable if it fails, takes too long, or if too
    many are already waiting."""
    promise: Future[T] = Future()
    if not _SLOTS.acquire(blocking=False):
        raise Unavailable(_SLOW)

    def run() -> None:
        try:
            promise.set_result(work())
        except Exception as error:  # noqa: BLE001 - raised below
            promise.set_exception(error)
        finally:
            _SLOTS.release()

    Thread(target=run, daemon=True).start()
    try:
        return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(promise)), patience)
    except TimeoutError as error:
        raise Unavailable(_SLOW) from error
    except Exception as error:
        raise Unavailable(_public_error(error)) from error


class LakeError(InfrastructureError):
    """The lake does not answer a page, which says so in its language. `cause` is the type of the error."""

    def __init__(self, words: Words, advice: Words, cause: str = "") -> None:
        super().__init__(words.filled("en", cause=cause), safe=texts.PAGES_ARE_SAFE.en, next_step=advice.en)
        self.words, self.advice, self.cause = words, advice, cause


_SLOW = LakeError(texts.LAKE_SLOW, texts.RELOAD)


def _public_error(error: Exception) -> UsertagsError:
    """The public text of an error: our own message, or only the type of the error."""
    if isinstance(error, UsertagsError):
        return error
    return LakeError(texts.LAKE_DOWN, texts.CHECK_SERVICES, type(error).__name__)
