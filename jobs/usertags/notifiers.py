"""Airflow notifiers that send a message: Airflow's own for mail, and one that posts to a chat or webhook."""

import base64
import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote_plus, urlsplit

from airflow.sdk import BaseHook, BaseNotifier

from usertags.config.alert_models import HookEntry, MailEntry, filled
from usertags.quality.alert_texts import Message, html_of, text_of

_TIMEOUT = 20


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A webhook that redirects, for example to a login page, has not accepted the message."""

    def redirect_request(self, *arguments: Any, **more: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


class NotTaken(Exception):
    """The receiver did not accept the message. The text contains no address and no secret."""


class WebhookNotifier(BaseNotifier):  # type: ignore[misc]
    """Posts a JSON body to the address of an Airflow connection.

    The connection's host is the address or its beginning; the password is the secret rest of it. If the
    extra has a `sign_secret`, messages to DingTalk and Feishu are signed with it.
    """

    template_fields = ("connection",)

    def __init__(self, *, connection: str, kind: str, body: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.connection, self.kind, self.body = connection, kind, dict(body)

    def notify(self, context: Any) -> None:
        """Raises NotTaken if the receiver does not answer or rejects the message."""
        found = BaseHook.get_connection(self.connection)
        secret = str(found.extra_dejson.get("sign_secret") or "")
        url, body = _signed(self.kind, _address(found), self.body, secret, int(time.time()))
        if urlsplit(url).scheme not in ("http", "https"):
            raise NotTaken(f"connection {self.connection!r} has no address starting with http")
        request = urllib.request.Request(
            url, json.dumps(body, ensure_ascii=False).encode(), {"Content-Type": "application/json"}
        )
        try:
            with _OPENER.open(request, timeout=_TIMEOUT) as answer:
                _require_taken(answer.read(10_000))
        except urllib.error.HTTPError as error:
            raise NotTaken(f"answered {error.code}") from None
        except (OSError, ValueError) as error:
            raise NotTaken(f"did not answer ({type(error).__name__})") from None


def send(channel: MailEntry | HookEntry, message: Message) -> None:
    """Send a message through a channel. Its text is final: it is not rendered as a template."""
    if isinstance(channel, MailEntry):
        _mail(channel, message)
    else:
        body = body_of(channel, message)
        WebhookNotifier(connection=channel.connection, kind=channel.kind, body=body).notify({})


def _mail(channel: MailEntry, message: Message) -> None:
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    notifier = SmtpNotifier(
        smtp_conn_id=channel.connection,
        from_email=channel.from_,
        to=list(channel.to),
        subject=message.title,
        html_content=html_of(message),
        custom_headers={"X-Usertags-Alert": f"{message.kind} {message.day}"},
    )
    notifier.notify({})


def body_of(channel: HookEntry, message: Message) -> dict[str, Any]:
    """The request body in the format of the service."""
    fields = message.fields()
    if channel.body is not None:
        placeholders = {
            name: str(fields[name]) for name in ("title", "text", "day", "state", "page", "runbook")
        }
        own: dict[str, Any] = filled(channel.body, placeholders)
        return own
    if channel.kind == "webhook":
        return fields
    return _FORMS[channel.kind](text_of(message, _LIMITS.get(channel.kind)))


# The maximum size that a service accepts, in bytes.
_LIMITS = {"wecom": 2048, "dingtalk": 20_000, "feishu": 20_000}
_FORMS: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "slack": lambda text: {"text": text},
    "dingtalk": lambda text: {"msgtype": "text", "text": {"content": text}},
    "wecom": lambda text: {"msgtype": "text", "text": {"content": text}},
    "feishu": lambda text: {"msg_type": "text", "content": {"text": text}},
}


def _address(connection: Any) -> str:
    host = str(connection.host or "")
    if "://" not in host:
        port = f":{connection.port}" if connection.port else ""
        scheme = connection.schema if connection.schema in ("http", "https") else "https"
        host = f"{scheme}://{host}{port}"
    secret = str(connection.password or "")
    if not secret:
        return host
    return host + secret if host.endswith(("/", "=")) else f"{host}/{secret}"


def _signed(
    kind: str, url: str, body: dict[str, Any], secret: str, seconds: int
) -> tuple[str, dict[str, Any]]:
    if secret and kind == "dingtalk":
        stamp = str(seconds * 1000)
        sign = _hmac(secret.encode(), f"{stamp}\n{secret}".encode())
        joined = "&" if "?" in url else "?"
        return f"{url}{joined}timestamp={stamp}&sign={quote_plus(sign)}", body
    if secret and kind == "feishu":
        sign = _hmac(f"{seconds}\n{secret}".encode(), b"")
        return url, {"timestamp": str(seconds), "sign": sign} | body
    return url, body


def _hmac(key: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


def _require_taken(answer: bytes) -> None:
    """DingTalk, WeCom and Feishu answer a rejected message with status 200 and an error code."""
    try:
        reply = json.loads(answer)
    except ValueError:
        return
    if not isinstance(reply, dict):
        return
    for name in ("errcode", "code", "StatusCode"):
        if reply.get(name) not in (None, 0, "0"):
            raise NotTaken(f"answered {name} {str(reply[name])[:20]}")
