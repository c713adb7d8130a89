"""The pages of Great Expectations: they open on a closed network, styled, and hide what is masked.

The checks run on pandas here: what the library writes of a result is the same.
"""

from html.parser import HTMLParser
from re import findall

import pytest

from tests.support.library_pages import library_pages
from usertags.quality.docs import FILES, assets, self_contained
from usertags.quality.expectations import Validator

STAGE = "shop/2026-03-02/r20260303_020000_000/quality/clean"
HOME = "../../../../assets"


@pytest.fixture(scope="module")
def raw() -> dict[str, str]:
    return library_pages()


@pytest.fixture(scope="module")
def pages(raw: dict[str, str]) -> dict[str, str]:
    return self_contained(raw, HOME)


class Loads(HTMLParser):
    """The addresses that a browser would ask for, and those that a click leads to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "srcset", "data", "action", "poster") or (name, tag) == ("href", "link"):
                self.loaded.append(value or "")
            if (name, tag) == ("href", "a"):
                self.links.append(value or "")
            if name == "style":
                self.loaded += findall(r"url\(([^)]*)\)", value or "")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem in ("script", "style"):
            self.loaded += findall(r"url\(([^)]*)\)", data)
            self.loaded += findall(r"(?:import|fetch|XMLHttpRequest|WebSocket|@import)\b.*", data)


def elsewhere(address: str) -> bool:
    return address.strip("\"' ").startswith(("http:", "https:", "//", "ws"))


def test_no_page_of_a_build_loads_or_leads_elsewhere(raw: dict[str, str], pages: dict[str, str]) -> None:
    assert sorted(pages) == sorted(raw)
    assert len(pages) == 5  # the first page, and of both passes the suite and its results
    assert any(elsewhere(address) for text in raw.values() for address in Loads(text).loaded)
    for text in pages.values():
        found = Loads(text)
        assert found.loaded and found.links
        assert [address for address in (*found.loaded, *found.links) if elsewhere(address)] == []


def test_what_a_page_names_is_there(pages: dict[str, str]) -> None:
    """Addresses are followed by hand, as a browser does from the folder of the page."""
    for path, text in pages.items():
        for address in Loads(text).loaded:
            if address.startswith("data:"):
                continue
            at = [*STAGE.split("/"), *path.split("/")[:-1]]
            for part in address.split("/"):
                at = at[:-1] if part == ".." else [*at, part]
            project, folder, name = "/".join(at).split("/", 2)
            assert (project, folder) == ("shop", "assets")
            assert name in assets()


def test_every_address_of_the_library_has_a_file(raw: dict[str, str]) -> None:
    named = {
        address
        for text in raw.values()
        for address in Loads(text).loaded
        if elsewhere(address) and address.endswith((".js", ".css", "@5", "@6"))
    }
    assert named <= set(FILES) and len(named) > 10


def test_charts_are_drawn_by_files_of_our_own() -> None:
    page = (
        '<script src="https://cdn.jsdelivr.net/npm/vega@5"></script>'
        '<script src="https://evil.example/x.js"></script>{}'
    )
    plain = self_contained({"a/b.html": page.format("")}, HOME)["a/b.html"]
    chart = self_contained({"a/b.html": page.format("<script>vegaEmbed('#x', y)</script>")}, HOME)["a/b.html"]
    assert Loads(plain).loaded == []
    (address,) = Loads(chart).loaded
    assert address.startswith("../../../../../assets/") and address.endswith("/vega.min.js")


def test_what_is_masked_stands_on_no_page(raw: dict[str, str]) -> None:
    everything = "".join(raw.values())
    assert "-7" in everything
    assert "zz-secret" not in everything


def test_a_run_that_checked_nothing_says_so() -> None:
    (page,) = self_contained(Validator().pages(), HOME).values()
    assert "checked nothing" in page
