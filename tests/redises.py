"""Redis for tests: the machine's own, and private servers that may be killed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from gateway import environment, free_port

SHARED = "redis://127.0.0.1:6379"


def needs_redis() -> None:
    """Skips the test where there is no Redis; fails it where there must be one."""
    try:
        socket.create_connection(("127.0.0.1", 6379), timeout=1.0).close()
    except OSError:
        _lacking("no Redis on 127.0.0.1:6379")


def _lacking(message: str) -> None:
    if environment_of_ci():
        pytest.fail(message)
    pytest.skip(message)


def environment_of_ci() -> bool:
    return bool(os.environ.get("CI"))  # noqa: TID251 - whether a missing server is a failure


class PrivateRedis:
    """A server of our own. Nothing is kept on disk: one that is started again is empty."""

    def __init__(self, *options: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self._options = options
        self._folder = tempfile.TemporaryDirectory()
        self.start()

    def start(self) -> None:
        words = ["redis-server", "--port", str(self.port), "--save", "", "--dir", self._folder.name]
        self.process = subprocess.Popen(
            [*words, *self._options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment()
        )
        for _ in range(6000):  # a minute: on a machine that is busy with everything else it may take long
            if self.command("PING") == "+PONG":
                return
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.01)
                break
        self.process.kill()
        self._folder.cleanup()
        raise AssertionError(f"a private Redis did not start: {self.process.wait()}")

    def command(self, *words: str) -> str:
        """The first line of the answer to one command; empty where nobody answers."""
        return self.lines(*words)[0]

    def lines(self, *words: str) -> list[str]:
        """The beginning of an answer, by lines."""
        text = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5.0) as connection:
                connection.sendall(text.encode())
                return connection.recv(65536).decode().split("\r\n")
        except OSError:
            self.process.poll()
            return [""]

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.kill()
        self._folder.cleanup()


@contextmanager
def private(*options: str) -> Iterator[PrivateRedis]:
    if shutil.which("redis-server") is None:
        _lacking("no redis-server on the path")
    server = PrivateRedis(*options)
    try:
        yield server
    finally:
        server.close()
