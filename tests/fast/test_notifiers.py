"""What is posted to each kind of hook, and how it is signed."""

import base64
import hashlib
import hmac
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from usertags.config.alert_models import HookEntry
from usertags.notifiers import _address, _signed, body_of
from usertags.quality.alert_texts import Failure, Message, text_of

MESSAGE = Message(
    kind="blocked",
    project="shop",
    day="2026-03-02",
    state="blocked",
    title="[shop] 2026-03-02 is blocked: 1 critical check failed",
    reason="",
    readers="Readers still see 2026-03-01.",
    failed=(
        Failure(
            "clean.orders.amount", "clean.orders", "amount {{ ds }} in its range", "critical",
            "3 failing rows", "0 to {max}", "finance", "have it corrected", "/usertags/runbook#in-its-range",
        ),
    ),
    page="/usertags/quality/day/2026-03-02",
    runbook="/usertags/runbook#in-its-range",
)  # fmt: skip
TEXT = text_of(MESSAGE)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("slack", {"text": TEXT}),
        ("dingtalk", {"msgtype": "text", "text": {"content": TEXT}}),
        ("wecom", {"msgtype": "text", "text": {"content": TEXT}}),
        ("feishu", {"msg_type": "text", "content": {"text": TEXT}}),
    ],
)
def test_each_service_gets_its_form(kind: str, body: dict[str, Any]) -> None:
    assert body_of(HookEntry(kind=kind, connection="c"), MESSAGE) == body  # type: ignore[arg-type]


def test_a_service_with_a_limit_gets_what_fits_and_the_links() -> None:
    long = replace(MESSAGE.failed[0], observed="y" * 100)
    many = replace(MESSAGE, failed=(long,) * 12)
    text = body_of(HookEntry(kind="wecom", connection="c"), many)["text"]["content"]
    shown = text.count("critical: ")
    assert len(text.encode()) <= 2048 and 5 < shown < 10
    assert f"\n{12 - shown} more on the page of the day.\nThe day: /usertags/quality" in text
    assert body_of(HookEntry(kind="slack", connection="c"), many)["text"].count("critical: ") == 10


def test_a_webhook_gets_every_field() -> None:
    body = body_of(HookEntry(kind="webhook", connection="c"), MESSAGE)
    assert (body["kind"], body["day"], body["text"]) == ("blocked", "2026-03-02", TEXT)
    assert body["failed"][0]["bounds"] == "0 to {max}"


def test_a_body_of_ones_own_is_filled_and_braces_of_a_check_stay() -> None:
    own = {"card": {"title": "{title}", "lines": ["{text}", "see {page}"]}, "always": True}
    assert body_of(HookEntry(kind="webhook", connection="c", body=own), MESSAGE) == {
        "card": {"title": MESSAGE.title, "lines": [TEXT, "see /usertags/quality/day/2026-03-02"]},
        "always": True,
    }
    assert "amount {{ ds }} in its range" in TEXT and "0 to {max}" in TEXT


def test_dingtalk_is_signed_in_the_address() -> None:
    """As DingTalk's guide says: base64 of the HMAC-SHA256 of `timestamp\\nsecret` under the secret."""
    url, body = _signed("dingtalk", "https://d.example/send?access_token=t", {"a": 1}, "SEC1", 1_700_000_000)
    found = parse_qs(urlsplit(url).query)
    wanted = hmac.new(b"SEC1", b"1700000000000\nSEC1", hashlib.sha256).digest()
    assert found["timestamp"] == ["1700000000000"]
    assert base64.b64decode(found["sign"][0]) == wanted
    assert (found["access_token"], body) == (["t"], {"a": 1})


def test_feishu_is_signed_in_the_body() -> None:
    """As Feishu's guide says: the key is `timestamp\\nsecret`, the text is empty."""
    url, body = _signed("feishu", "https://f.example/hook", {"msg_type": "text"}, "S", 1_700_000_000)
    assert url == "https://f.example/hook"
    assert body == {
        "timestamp": "1700000000",
        "sign": base64.b64encode(hmac.new(b"1700000000\nS", b"", hashlib.sha256).digest()).decode(),
        "msg_type": "text",
    }


def test_nothing_is_signed_without_a_secret() -> None:
    for kind in ("dingtalk", "feishu", "slack"):
        assert _signed(kind, "https://h.example", {"a": 1}, "", 1) == ("https://h.example", {"a": 1})


@pytest.mark.parametrize(
    ("fields", "address"),
    [
        ({"host": "https://h.example/services", "password": "T/B/x"}, "https://h.example/services/T/B/x"),
        (
            {"host": "https://h.example/send?access_token=", "password": "t"},
            "https://h.example/send?access_token=t",
        ),
        ({"host": "h.example"}, "https://h.example"),
        ({"host": "h.example", "port": 8080, "schema": "http", "password": "k"}, "http://h.example:8080/k"),
    ],
)
def test_the_address_is_made_of_the_connection(fields: dict[str, Any], address: str) -> None:
    empty = {"host": None, "port": None, "schema": None, "password": None}
    assert _address(SimpleNamespace(**(empty | fields))) == address
