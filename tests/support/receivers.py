"""Servers on this machine that take what the pipeline sends: mail, JSON over HTTP, and metrics over UDP."""

import asyncio
import email
import json
import socket
import threading
from dataclasses import dataclass, field
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class MailServer:
    """An SMTP server on asyncio, in a thread. It keeps the messages that it takes; `refuse` takes none."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.recipients: list[list[str]] = []
        self.refuse = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        starting = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, kind: Any, value: Any, trace: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    @property
    def connection(self) -> str:
        """The server as an Airflow connection."""
        extra = {
            "disable_ssl": True,
            "disable_tls": True,
            "from_email": "tags@shop.example",
            "retry_limit": 0,
        }
        return json.dumps(
            {"conn_type": "smtp", "host": "127.0.0.1", "port": self.port, "extra": json.dumps(extra)}
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipients: list[str] = []

        def say(text: str) -> None:
            writer.write(f"{text}\r\n".encode())

        say("220 mail.shop.example")
        while line := (await reader.readline()).decode().strip():
            verb = line.split(":")[0].split()[0].upper()
            if verb == "RCPT":
                recipients.append(line.partition(":")[2].strip(" <>"))
            if verb == "DATA":
                say("354 go on")
                data = await reader.readuntil(b"\r\n.\r\n")
                if self.refuse:
                    say("451 not now")
                    continue
                self.messages.append(email.message_from_bytes(data[:-5], policy=default))
                self.recipients.append(recipients)
                recipients = []
            say("221 bye" if verb == "QUIT" else "250 ok")
            if verb == "QUIT":
                break
        writer.close()


@dataclass
class Answer:
    status: int = 200
    body: bytes = b"ok"


@dataclass
class HookServer:
    """An HTTP server that keeps the JSON posted to it, with the paths; it answers what `answer` says."""

    posted: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    answer: Answer = field(default_factory=Answer)

    def __enter__(self) -> Self:
        kept = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if kept.answer.status == 200 and kept.answer.body == b"ok":
                    kept.posted.append(json.loads(body))
                    kept.paths.append(self.path)
                self.send_response(kept.answer.status)
                if kept.answer.status == 302:
                    self.send_header("Location", "/login")
                self.end_headers()
                self.wfile.write(kept.answer.body)

            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: Any, value: Any, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    @property
    def connection(self) -> str:
        """The server as an Airflow connection, its address ending in a secret."""
        host = f"http://127.0.0.1:{self.port}/services"
        return json.dumps({"conn_type": "http", "host": host, "password": "T0/B0/s3cret"})


class StatsServer:
    """A StatsD server: keeps the lines that it is sent over UDP."""

    def __enter__(self) -> Self:
        self._lines: list[str] = []
        self._seen = threading.Event()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: Any, value: Any, trace: TracebackType | None) -> None:
        self._tell_itself(b"stop")
        self._thread.join(10)
        self._socket.close()

    def lines(self) -> list[str]:
        """All that was sent before this call."""
        self._seen.clear()
        self._tell_itself(b"mark")
        assert self._seen.wait(10)
        return list(self._lines)

    def _keep(self) -> None:
        while (data := self._socket.recv(65_536)) != b"stop":
            if data == b"mark":
                self._seen.set()
            else:
                self._lines += data.decode().splitlines()

    def _tell_itself(self, word: bytes) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(word, ("127.0.0.1", self.port))
