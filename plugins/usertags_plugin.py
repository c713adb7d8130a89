"""The Airflow plugin: *Data quality* and *Tags* in the navigation, a *Quality* tab on DAG, run and task, and
a tile on the home page.

Every component of Airflow loads this file, so it does not import the project: the application is built
in the API server when a page is first requested. URLs are relative to Airflow's base URL.
"""

import asyncio
import sys
from contextlib import suppress
from threading import Lock, Timer
from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

# The main module of the API server process, which no other component has.
_API_SERVER = "airflow.api_fastapi.main"
# The server starts first; then the data of the first page is preloaded.
_WARM_AFTER = 2.0
_TAB = "usertags/quality/of?dag_id={DAG_ID}"


class LazyApp:
    """An ASGI application that is created by its first request, or earlier by `warm`, in a thread, so that no
    other request is delayed."""

    def __init__(self) -> None:
        self._app: Any = None
        self._making = Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._app is None:
            await asyncio.to_thread(self._made)
        await self._app(scope, receive, send)

    def warm(self) -> None:
        """Create the application and start reading its data. Errors are shown by the page
        that encounters them."""
        with suppress(Exception):
            self._made().state.warm()

    def _made(self) -> Any:
        with self._making:
            if self._app is None:
                self._app = self._make()
            return self._app

    @staticmethod
    def _make() -> Any:
        from plugins.usertags_quality.app import make_app

        return make_app()


def _tab(destination: str, route: str, query: str = "") -> dict[str, Any]:
    return {
        "name": "Quality",
        "href": _TAB + query,
        "destination": destination,
        "url_route": route,
        "icon": "usertags/static/quality.svg",
    }


_APP = LazyApp()


class UsertagsPlugin(AirflowPlugin):
    """What Airflow shows of usertags."""

    name = "usertags"
    fastapi_apps: ClassVar[list[Any]] = [{"app": _APP, "url_prefix": "/usertags", "name": "usertags quality"}]
    external_views: ClassVar[list[Any]] = [
        {
            "name": "Data quality",
            "href": "usertags/quality",
            "destination": "nav",
            "url_route": "data-quality",
            "nav_top_level": True,
            "icon": "usertags/static/quality.svg",
        },
        {
            "name": "Tags",
            "href": "usertags/tags",
            "destination": "nav",
            "url_route": "user-tags",
            "nav_top_level": True,
            "icon": "usertags/static/tags.svg",
        },
        _tab("dag", "quality"),
        _tab("dag_run", "quality-of-run", "&run_id={RUN_ID}"),
        _tab("task", "quality-of-task", "&task_id={TASK_ID}"),
        _tab("task_instance", "quality-of-try", "&run_id={RUN_ID}&task_id={TASK_ID}"),
    ]
    react_apps: ClassVar[list[Any]] = [
        {
            "name": "usertags quality tile",
            "bundle_url": "usertags/static/tile.js",
            "destination": "dashboard",
            "url_route": "usertags-quality-tile",
        }
    ]

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:
        """Only in the API server: avoids that the first page waits for imports and the lake."""
        if _API_SERVER in sys.modules:
            timer = Timer(_WARM_AFTER, _APP.warm)
            timer.daemon = True
            timer.start()
