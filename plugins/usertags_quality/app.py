"""The plugin's web application: routes, access control, and error pages."""

import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.responses import Response

from plugins.usertags_quality import security, texts
from plugins.usertags_quality.loading import Unavailable, in_thread
from plugins.usertags_quality.page_data import PageData, configs_folder
from plugins.usertags_quality.pages import Pages

_STATIC = Path(__file__).parent / "static"
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_REPORT_KINDS = {
    "html": "text/html; charset=utf-8",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "png": "image/png",
    "gif": "image/gif",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "ttf": "font/ttf",
    "eot": "application/vnd.ms-fontobject",
}


def make_app(page_data: PageData | None = None, reader: Any = None, secret: str | None = None) -> FastAPI:
    """The application. `reader` is the dependency that checks access; `secret` signs keys to reports."""
    pages = Pages(page_data or PageData(configs_folder()))
    keys = security.ReportKeys(secret or _secret())
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.include_router(_assets())
    app.include_router(_reports(pages, keys))
    app.include_router(_pages(pages, keys), dependencies=[Depends(reader or security.reader())])
    app.state.warm = pages.warm
    _handle_errors(app, pages)
    app.middleware("http")(_headers)
    return app


def _secret() -> str:
    """Airflow's secret, which all its API servers share."""
    from airflow.configuration import conf

    return conf.get("api", "secret_key", fallback="") or secrets.token_hex()


def _assets() -> APIRouter:
    """Stylesheet, scripts and icons: public static files."""
    router = APIRouter()
    files = {path.name: path for path in _STATIC.iterdir() if path.suffix in _KINDS}

    @router.get("/static/{name}")
    def asset(name: str) -> Response:
        if name not in files:
            raise security.no_such(texts.NO_SUCH_FILE)
        body, kind = files[name].read_bytes(), _KINDS[files[name].suffix]
        return Response(body, media_type=kind, headers={"Cache-Control": "max-age=300"})

    return router


def _pages(pages: Pages, keys: security.ReportKeys) -> APIRouter:
    router = APIRouter()

    @router.get("/")
    @router.get("/quality")
    async def overview(request: Request) -> Response:
        return await pages.overview(request)

    @router.get("/quality/of")
    async def of(request: Request) -> Response:
        return await pages.of_airflow(request)

    @router.get("/quality/tile.json")
    async def tile(request: Request) -> Response:
        return await pages.tile(request)

    @router.get("/quality/day/{day}")
    async def day(request: Request, day: str) -> Response:
        return await pages.day(request, security.checked_day(day))

    @router.get("/quality/check/{check_id}")
    async def check(request: Request, check_id: str) -> Response:
        return await pages.check(request, security.checked_id(check_id))

    @router.get("/quality/report/{day}/{run_id}/{stage}")
    async def report(request: Request, day: str, run_id: str, stage: str) -> Response:
        return await pages.report(request, security.checked_day(day), run_id, stage, keys)

    @router.get("/tags")
    async def tags(request: Request) -> Response:
        return await pages.tags(request)

    @router.get("/tags/{tag_id}")
    async def tag(request: Request, tag_id: str) -> Response:
        return await pages.tag(request, security.checked_name(tag_id))

    @router.get("/runbook")
    async def runbook(request: Request) -> Response:
        return await pages.runbook(request)

    return router


def _reports(pages: Pages, keys: security.ReportKeys) -> APIRouter:
    """The files of a report, for holders of its key: the sandbox that shows it has no cookies. Below
    the key the path is the same as on object storage, so that pages find the assets shared by all runs."""
    router = APIRouter()

    @router.get("/report/{key}/{path:path}")
    async def report_file(request: Request, key: str, path: str) -> Response:
        path = security.checked_report_path(path, *keys.read(key))
        kind = _REPORT_KINDS.get(path.rpartition(".")[2])
        body = await in_thread(lambda: pages.page_data.report_file(path)) if kind else None
        if body is None:
            if not kind:
                raise security.no_such(texts.PAGE_NOT_FOUND)
            kept = int(pages.page_data.project().retention.reports)
            raise security.PageError(404, texts.NO_REPORT, kept=kept)
        origin = f"{request.url.scheme}://{request.url.netloc}"
        headers = {
            "Content-Security-Policy": security.REPORT_POLICY.format(origin=origin),
            "Access-Control-Allow-Origin": "null",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "private, no-store",
        }
        return Response(body, media_type=kind, headers=headers)

    return router


def _handle_errors(app: FastAPI, pages: Pages) -> None:
    @app.exception_handler(AnyHTTPException)
    async def refused(request: Request, error: AnyHTTPException) -> Response:
        page = security.wants_page(request)
        if error.status_code == 401 and page:
            return security.to_login(request)
        return await pages.refused(request, error, page=page)

    @app.exception_handler(Unavailable)
    async def unavailable(request: Request, error: Unavailable) -> Response:
        return await pages.unavailable(request, error.error, page=security.wants_page(request))


async def _headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    response.headers.setdefault("Content-Security-Policy", security.PAGE_POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cache-Control", "private, no-store")
    return response
