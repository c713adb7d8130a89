"""The Airflow plugin: *Data quality* and *Tags* in the navigation, a *Quality* tab on DAG, run and task, and
a tile on the home page.

Every component of Airflow loads this file, so it imports nothing of the project: the application is built
in the API server when a page is first asked for. Addresses are relative to where Airflow is served.
"""

import asyncio
from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

_TAB = "usertags/quality/of?dag_id={DAG_ID}"


class LazyApp:
    """An ASGI application that is made by its first request, in a thread, so that no other request waits."""

    def __init__(self) -> None:
        self._app: Any = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._app is None:
            async with self._making:
                if self._app is None:
                    self._app = await asyncio.to_thread(self._make)
        await self._app(scope, receive, send)

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


class UsertagsPlugin(AirflowPlugin):
    """What Airflow shows of usertags."""

    name = "usertags"
    fastapi_apps: ClassVar[list[Any]] = [
        {"app": LazyApp(), "url_prefix": "/usertags", "name": "usertags quality"}
    ]
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
