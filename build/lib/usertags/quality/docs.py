"""Rewrites the pages of Great Expectations so that they work without internet access.

Pure: texts of pages in, texts of pages out. A page only loads files of `assets/`; everything else that
it would load is removed, and so are links to other hosts.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

_FOLDER = Path(__file__).parent / "assets"
_TABLE = "https://unpkg.com/bootstrap-table@1.19"
_FILTERS = "dist/extensions/filter-control/bootstrap-table-filter-control"
_DATES = "https://cdnjs.cloudflare.com/ajax/libs/bootstrap-datepicker/1.9.0"
_CHARTS = ("vega.min.js", "vega-lite.min.js", "vega-embed.min.js")

# The URLs in the templates of Great Expectations, and their replacement files.
FILES: Mapping[str, str] = {
    "https://maxcdn.bootstrapcdn.com/bootstrap/4.3.1/css/bootstrap.min.css": "bootstrap.min.css",
    "https://stackpath.bootstrapcdn.com/bootstrap/4.3.1/js/bootstrap.min.js": "bootstrap.min.js",
    "https://cdn.jsdelivr.net/npm/@forevolve/bootstrap-dark@1.1.0/dist/css/bootstrap-prefers-dark.css": (
        "bootstrap-prefers-dark.min.css"
    ),
    f"{_TABLE}.1/dist/bootstrap-table.min.css": "bootstrap-table.min.css",
    f"{_TABLE}.1/dist/bootstrap-table.min.js": "bootstrap-table.min.js",
    f"{_TABLE}.0/{_FILTERS}.css": "bootstrap-table-filter-control.min.css",
    f"{_TABLE}.0/{_FILTERS}.min.css": "bootstrap-table-filter-control.min.css",
    f"{_TABLE}.1/{_FILTERS}.min.js": "bootstrap-table-filter-control.min.js",
    f"{_DATES}/css/bootstrap-datepicker.min.css": "bootstrap-datepicker.min.css",
    f"{_DATES}/js/bootstrap-datepicker.min.js": "bootstrap-datepicker.min.js",
    "https://code.jquery.com/jquery-3.7.1.min.js": "jquery.min.js",
    "https://cdnjs.cloudflare.com/ajax/libs/popper.js/1.12.9/umd/popper.min.js": "popper.min.js",
    "https://cdnjs.cloudflare.com/ajax/libs/font-awesome/6.6.0/css/all.min.css": (
        "fontawesome-solid.min.css"
    ),
    "https://cdn.jsdelivr.net/npm/vega@5": _CHARTS[0],
    "https://cdn.jsdelivr.net/npm/vega-lite@5": _CHARTS[1],
    "https://cdn.jsdelivr.net/npm/vega-embed@6": _CHARTS[2],
}
_SCRIPT = re.compile(r"""<script\b[^>]*?\bsrc\s*=\s*["']([^"']*)["'][^>]*>\s*</script>""", re.IGNORECASE)
_LINK = re.compile(r"""<link\b[^>]*?\bhref\s*=\s*["']([^"']*)["'][^>]*>""", re.IGNORECASE)
_IMAGE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_ELSEWHERE = r"(?:https?:)?//[^\"'()\s]*"
_ANCHOR = re.compile(rf"""(<a\b[^>]*?)\s+href\s*=\s*["']{_ELSEWHERE}["']""", re.IGNORECASE)
_URL = re.compile(rf"""url\(\s*["']?{_ELSEWHERE}["']?\s*\)""", re.IGNORECASE)
# The newsletter and tutorials, with images from other hosts.
_FOOTER = re.compile(r"<footer\b.*?</footer>", re.IGNORECASE | re.DOTALL)
_NO_ICON = '<link rel="icon" href="data:,">'
_TITLE = "<strong>Great Expectations</strong>"


@lru_cache(maxsize=1)
def assets() -> Mapping[str, bytes]:
    """The assets of the pages by path: their folder is a hash of all files, so that versions can coexist."""
    files = {name: (_FOLDER / name).read_bytes() for name in sorted({*FILES.values(), "fa-solid-900.woff2"})}
    files["LICENSES.txt"] = (_FOLDER / "LICENSES.txt").read_bytes()
    digest = sha256(b"".join(name.encode() + sha256(body).digest() for name, body in files.items()))
    return {f"{digest.hexdigest()[:12]}/{name}": body for name, body in files.items()}


def self_contained(site: Mapping[str, str], home: str) -> dict[str, str]:
    """The pages of a site by their paths; `home` leads from the folder of the site to that of the assets."""
    version = next(iter(assets())).partition("/")[0]
    return {
        path: _page(text, f"{'../' * path.count('/')}{home}/{version}")
        for path, text in site.items()
        if path.endswith(".html")
    }


def _page(text: str, folder: str) -> str:
    charts = "vegaEmbed(" in text

    def script(found: re.Match[str]) -> str:
        name = FILES.get(found[1])
        wanted = name is not None and (charts or name not in _CHARTS)
        return f'<script src="{folder}/{name}"></script>' if wanted else ""

    def link(found: re.Match[str]) -> str:
        if "icon" in found[0]:
            return _NO_ICON
        name = FILES.get(found[1])
        return f'<link rel="stylesheet" href="{folder}/{name}">' if name else ""

    text = _LINK.sub(link, _SCRIPT.sub(script, _FOOTER.sub("", text)))
    return _URL.sub("none", _ANCHOR.sub(r"\1", _IMAGE.sub(_TITLE, text)))
