"""Access control: users who may read the runs of the pipeline's DAG in Airflow. Also validates URLs.

Airflow itself does not check access to the application of a plugin.
"""

import re
from datetime import date
from typing import Any
from urllib.parse import quote

from fastapi import HTTPException, Request
from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.responses import RedirectResponse, Response

from plugins.usertags_quality import texts
from usertags.language import Words

DAG_ID = "user_tags_daily"
STAGES = ("clean", "audit")
_REPORT_SECONDS = 900

_CHECK_ID = re.compile(r"[a-z0-9_][a-z0-9_.]{0,250}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,100}")
# The parts of a path in a report: not empty, not starting with a dot.
_REPORT_PATH = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.\-]*/)*[A-Za-z0-9_-][A-Za-z0-9_.\-]*")

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
# A report runs in its own origin: it cannot access cookies, pages of Airflow or the network.
REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' 'self' {origin}; "
    "style-src 'unsafe-inline' 'self' {origin}; img-src data: 'self' {origin}; "
    "font-src data: 'self' {origin}; "
    "connect-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)


def reader() -> Any:
    """The dependency that requires read access to the DAG's runs. The DAG is fixed here: with Airflow's
    default the URL could name another DAG."""
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
    from airflow.api_fastapi.core_api.security import requires_access_dag

    return requires_access_dag("GET", DagAccessEntity.RUN, param_dag_id=DAG_ID)


def wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def to_login(request: Request) -> Response:
    from airflow.api_fastapi.app import get_auth_manager

    return RedirectResponse(get_auth_manager().get_url_login(next_url=str(request.url)), status_code=303)


class PageError(HTTPException):
    """There is no such page for this address, or no longer; the page says so in its language."""

    def __init__(self, status: int, words: Words, **fields: object) -> None:
        super().__init__(status, words.filled("en", **fields))
        self.words, self.fields = words, fields


def no_such(words: Words) -> PageError:
    return PageError(404, words)


def checked_day(text: str) -> date:
    """A day in a URL; 404 for anything other than YYYY-MM-DD."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise no_such(texts.NO_SUCH_DAY) from None
    if day.isoformat() != text:
        raise no_such(texts.NO_SUCH_DAY)
    return day


def checked_id(text: str) -> str:
    if not _CHECK_ID.fullmatch(text):
        raise no_such(texts.NO_SUCH_CHECK)
    return text


def checked_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise no_such(texts.NO_SUCH_TAG)
    return text


def report_folder(day: date, run_id: str, stage: str) -> str:
    return f"{day}/{run_id}/quality/{stage}"


def checked_report_path(text: str, day: date, run_id: str, stage: str) -> str:
    """A path inside a report, or of the shared assets; 404 for any other path."""
    inside = text.startswith((f"{report_folder(day, run_id, stage)}/", "assets/"))
    if not inside or not _REPORT_PATH.fullmatch(text) or len(text) > 400:
        raise no_such(texts.NO_SUCH_REPORT_PAGE)
    return text


class ReportKeys:
    """Keys that allow access to one report for some minutes. A report has no cookies, so its URL contains
    the permission of the user who opened its page."""

    def __init__(self, secret: str) -> None:
        self._signer = URLSafeTimedSerializer(secret, salt="usertags report")

    def make(self, day: date, run_id: str, stage: str) -> str:
        return quote(self._signer.dumps([day.isoformat(), run_id, stage]))

    def read(self, key: str) -> tuple[date, str, str]:
        """The report of a key; 403 if it is invalid or expired."""
        try:
            day, run_id, stage = self._signer.loads(key, max_age=_REPORT_SECONDS)
        except BadData:
            raise PageError(403, texts.LINK_EXPIRED) from None
        return date.fromisoformat(day), run_id, stage
