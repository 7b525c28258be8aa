"""`headgate sim-providers` as a process of its own, and raw sockets to ask it by."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import Any

START = "from headgate.cli.main import main; main()"
PATIENCE_S = 20.0
LOOKS = 4000
HI = [{"role": "user", "content": "Tell me about suspension bridges"}]
CHAT = "/v1/chat/completions"
BODIES: dict[str, dict[str, Any]] = {
    CHAT: {"model": "m", "messages": HI},
    "/v1/messages": {"model": "m", "max_tokens": 100, "messages": HI},
    "/v1beta/models/m:generateContent": {"contents": [{"parts": [{"text": "Tell me about bridges"}]}]},
    "/api/chat": {"model": "m", "stream": False, "messages": HI},
}


class Server:
    """A running process. `ask` sends one request on a connection of its own."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-c", START, "sim-providers", "--port", "0", "--json", *options]
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `stop`; a pipe would fill up
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._errors)
        assert self.process.stdout is not None
        ready = json.loads(self.process.stdout.readline())
        self.url: str = ready["url"]
        self.port: int = ready["port"]

    def ask(
        self, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            connection.request("GET" if body is None else "POST", path, sent, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ask("/sim/stats")[2])
        return found

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The stats, as soon as they are as wanted; fails where that takes longer than anybody waits."""
        for _ in range(LOOKS):
            if wanted(stats := self.stats()):
                return stats
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE_S / LOOKS)
        raise AssertionError(f"not so: {self.stats()}")

    def open(self, path: str, body: object, headers: dict[str, str] | None = None) -> socket.socket:
        """A raw connection with the request already sent."""
        sent = json.dumps(body).encode()
        lines = [f"POST {path} HTTP/1.1", "host: sim", f"content-length: {len(sent)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + sent)
        return connection

    def stop(self) -> tuple[int, bytes, bytes]:
        """(exit code, what else it printed, its errors)."""
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=5)
        with self._errors as errors:
            errors.seek(0)
            return self.process.returncode, out, errors.read()

    def kill(self) -> None:
        """Ends it, however it is. Harmless once it has stopped."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._errors.close()


def received(connection: socket.socket, *, within_s: float = 5.0) -> tuple[bytes, str]:
    """All that comes, and how it ends: closed | reset | silent."""
    connection.settimeout(within_s)
    found = b""
    with connection:
        while True:
            try:
                piece = connection.recv(65536)
            except ConnectionResetError:
                return found, "reset"
            except TimeoutError:
                return found, "silent"
            if not piece:
                return found, "closed"
            found += piece
