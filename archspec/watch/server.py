"""The page and the stream of its states, on the loopback of this machine only."""

import sys
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from secrets import token_urlsafe
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, TypeAlias

from archspec.errors import cause, error
from archspec.watch.feed import Feed, as_json
from archspec.watch.page import page

Headers: TypeAlias = Mapping[str, str]

LOOPBACK = "127.0.0.1"
_HOSTS = {LOOPBACK, "localhost"}
_ALIVE = 5.0
"""Seconds after which a quiet stream says that it is there, and learns whether anybody listens."""
_RETRY = 300
"""Milliseconds after which a page asks again for a stream that broke off."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'unsafe-inline';"
    " img-src data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
"""Should a spec smuggle something in all the same: it is not run, loads nothing, tells nobody."""


class Server(ThreadingMixIn, TCPServer):
    """Serves a feed; a thread for each page that listens.

    Raises:
        SpecError: E650, the port is taken, or not for this user.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, feed: Feed) -> None:
        self.feed = feed
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as reason:
            hint = "another '--port', or none for any that is free"
            raise error(
                "E650", f"cannot listen on port {port}: {cause(reason)}", None, hint
            ) from reason

    @property
    def address(self) -> str:
        """Of the page."""
        return f"http://{LOOPBACK}:{self.server_address[1]}/"

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  as it is there
        """Nothing for a browser that goes away in the middle; all else is a bug, and shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server_version, sys_version = "archspec", ""
    timeout = 30

    @property
    def _feed(self) -> Feed:
        assert isinstance(self.server, Server)  # noqa: S101  which makes no handler of others
        return self.server.feed

    def do_GET(self) -> None:
        # The name of another site that was made to lead here would let its pages read this one.
        if self.headers.get("Host", "").partition(":")[0] not in _HOSTS:
            self._answer(HTTPStatus.FORBIDDEN, "text/plain", "ask for 127.0.0.1", {})
        elif self.path == "/":
            self._page()
        elif self.path == "/events":
            self._stream()
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", "there is nothing here", {})

    def _page(self) -> None:
        nonce = token_urlsafe()
        policy = {"Content-Security-Policy": _POLICY.format(nonce=nonce)}
        self._answer(HTTPStatus.OK, "text/html", page(*self._feed.now, nonce), policy)

    def _answer(self, status: HTTPStatus, kind: str, text: str, more: Headers) -> None:
        # A name of a file may hold what is no character.
        body = text.encode("utf-8", "replace")
        self._begin(status, kind, {**more, "Content-Length": str(len(body))})
        self.wfile.write(body)

    def _begin(self, status: HTTPStatus, kind: str, more: Headers) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": f"{kind}; charset=utf-8", **_HEADERS, **more}.items():
            self.send_header(name, value)
        self.end_headers()

    def _stream(self) -> None:
        """Server-sent events: the newest state at once, then each that follows."""
        self._begin(HTTPStatus.OK, "text/event-stream", {})
        self.wfile.write(f"retry: {_RETRY}\n\n".encode())
        name = ""
        while True:
            found = self._feed.other_than(name, _ALIVE)
            name = found[0] if found else name
            self.wfile.write(f"data: {as_json(*found)}\n\n".encode() if found else b": alive\n\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as the library has it
        """Nothing: who asks for the page sees it."""
