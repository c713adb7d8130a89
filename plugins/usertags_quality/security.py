"""Who may read: whoever Airflow lets read the runs of the pipeline's DAG. And which addresses are asked for.

Airflow checks nothing of a plugin's application by itself.
"""

import re
from datetime import date
from typing import Any
from urllib.parse import quote

from fastapi import HTTPException, Request
from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.responses import RedirectResponse, Response

DAG_ID = "user_tags_daily"
STAGES = ("clean", "audit")
_REPORT_SECONDS = 900

_CHECK_ID = re.compile(r"[a-z0-9_][a-z0-9_.]{0,250}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,100}")
# Parts of a path in a report: no empty one, none that begins with a dot.
_REPORT_PATH = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.\-]*/)*[A-Za-z0-9_-][A-Za-z0-9_.\-]*")

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
# A report runs in an origin of its own: it reads no cookie, no page of Airflow and no network.
REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' 'self' {origin}; "
    "style-src 'unsafe-inline' 'self' {origin}; img-src data: 'self' {origin}; "
    "font-src data: 'self' {origin}; "
    "connect-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)


def reader() -> Any:
    """The dependency that lets in who may read the DAG's runs. The DAG is named here: with Airflow's default
    the address could name another one."""
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
    from airflow.api_fastapi.core_api.security import requires_access_dag

    return requires_access_dag("GET", DagAccessEntity.RUN, param_dag_id=DAG_ID)


def wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def to_login(request: Request) -> Response:
    from airflow.api_fastapi.app import get_auth_manager

    return RedirectResponse(get_auth_manager().get_url_login(next_url=str(request.url)), status_code=303)


def no_such(what: str) -> HTTPException:
    return HTTPException(404, f"There is no such {what}.")


def checked_day(text: str) -> date:
    """A day of an address; 404 for anything but YYYY-MM-DD."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise no_such("day") from None
    if day.isoformat() != text:
        raise no_such("day")
    return day


def checked_id(text: str) -> str:
    if not _CHECK_ID.fullmatch(text):
        raise no_such("check")
    return text


def checked_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise no_such("tag")
    return text


def report_folder(day: date, run_id: str, stage: str) -> str:
    return f"{day}/{run_id}/quality/{stage}"


def checked_report_path(text: str, day: date, run_id: str, stage: str) -> str:
    """A path inside a report, or of what the pages of all reports load; 404 for any other."""
    inside = text.startswith((f"{report_folder(day, run_id, stage)}/", "assets/"))
    if not inside or not _REPORT_PATH.fullmatch(text) or len(text) > 400:
        raise no_such("page of the report")
    return text


class ReportKeys:
    """Keys to one report for some minutes. A report has no cookies, so its address carries what was allowed
    to whoever opened its page."""

    def __init__(self, secret: str) -> None:
        self._signer = URLSafeTimedSerializer(secret, salt="usertags report")

    def make(self, day: date, run_id: str, stage: str) -> str:
        return quote(self._signer.dumps([day.isoformat(), run_id, stage]))

    def read(self, key: str) -> tuple[date, str, str]:
        """The report that a key opens; 403 when it was not made here or is too old."""
        try:
            day, run_id, stage = self._signer.loads(key, max_age=_REPORT_SECONDS)
        except BadData:
            raise HTTPException(403, "The report was opened too long ago: load its page again.") from None
        return date.fromisoformat(day), run_id, stage
