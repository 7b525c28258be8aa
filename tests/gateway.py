"""`headgate serve` as a process of its own, and plain ways to ask it."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from os import environ, killpg  # noqa: TID251 - a child process is given this one's environment, tidied
from pathlib import Path
from typing import Any, NamedTuple

START = "from headgate.cli.main import main; main()"
KEY = "caller-key-0123456789abcdef"
HOST = "127.0.0.1"
CHAT = "/v1/chat/completions"
HI = [{"role": "user", "content": "Tell me about suspension bridges"}]
STARTED = "Application startup complete."
PATIENCE_S = 20.0
"""How long anything may take that is only waited for. A slow machine is slow; a hanging test is wrong."""

LOOKS = 4000
"""How often it is looked at meanwhile."""

_HANDED_ON = {"HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "PYTHONWARNINGS", "TMPDIR"}
_LISTENING = re.compile(r"Listening on http://.*:(\d+)$")
_SAMPLE = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def environment(**more: str) -> dict[str, str]:
    """What a child process is told: nothing that names a provider, a port or a proxy, and nothing that keeps
    Python from caching bytecode. `more` comes on top."""
    kept = {name: value for name, value in environ.items() if name in _HANDED_ON}
    return {**kept, "COLUMNS": "200", **more}


def command(*words: str) -> list[str]:
    """`headgate WORDS…` with this Python."""
    return [sys.executable, "-c", START, *words]


def ran(*words: str, folder: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    """`headgate WORDS…`, to its end. `more` goes into its environment."""
    return subprocess.run(
        command(*words), capture_output=True, text=True, timeout=30, cwd=folder, env=environment(**more)
    )


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.document["error"]


class Metrics:
    """A page of metrics: `page(name, label=value, …)` adds up the samples that match."""

    def __init__(self, text: str) -> None:
        self._samples: list[tuple[str, dict[str, str], float]] = []
        for line in text.splitlines():
            if found := _SAMPLE.fullmatch(line):
                labels = dict(_LABEL.findall(found[2] or ""))
                self._samples.append((found[1], labels, float(found[3])))

    def __call__(self, name: str, **labels: str) -> float:
        return sum(
            value
            for found, its, value in self._samples
            if found == f"headgate_{name}" and labels.items() <= its.items()
        )

    @property
    def names(self) -> set[str]:
        return {name for name, _, _ in self._samples}


def free_port() -> int:
    """A port that nobody listens on, at this moment."""
    with socket.socket() as found:
        found.bind((HOST, 0))
        port: int = found.getsockname()[1]
        return port


_BOUND: list[socket.socket] = []


def dead_port() -> int:
    """A port that nobody listens on as long as these tests run: it is taken, and nobody is there."""
    taken = socket.socket()
    taken.bind((HOST, 0))
    _BOUND.append(taken)
    port: int = taken.getsockname()[1]
    return port


class Gateway:
    """A running `headgate serve`. Its log is read as it is written, by a thread."""

    def __init__(self, config: str | None, *options: str, workers: int = 1, **more: str) -> None:
        """`config`: the text of the file, or `None` for none. Waits until every worker serves."""
        self._folder = tempfile.TemporaryDirectory()
        self.file = Path(self._folder.name) / "gateway.yaml"
        words = ["serve", *options]
        if config is not None:
            self.file.write_text(config)
            words += ["--config", str(self.file)]
        if "--port" not in options:
            words += ["--port", "0"]
        if workers != 1:
            words += ["--workers", str(workers)]
        self.lines: list[str] = []
        self._written = threading.Condition()
        self.ended = False
        self.process = subprocess.Popen(
            command(*words),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self._folder.name,
            env=environment(**more),
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.logged(STARTED, times=workers)
            self.port = self._port()
        except BaseException:
            self.close()
            raise
        self.url = f"http://{HOST}:{self.port}"

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._written:
                self.lines.append(line)
                self._written.notify_all()
        with self._written:
            self.ended = True
            self._written.notify_all()

    def _port(self) -> int:
        found = _LISTENING.search(self.logged("Listening on http").strip())
        assert found is not None
        return int(found[1])

    @property
    def log(self) -> str:
        """All it has written to standard error."""
        with self._written:
            return "".join(self.lines)

    def logged(self, text: str, *, times: int = 1, since: int = 0) -> str:
        """The line in which `text` stands for so many times, once it is written; `since`: lines to skip."""
        with self._written:
            self._written.wait_for(lambda: self.ended or len(self._with(text, since)) >= times, PATIENCE_S)
            found = self._with(text, since)
        if len(found) < times:
            raise AssertionError(f"never logged: {text!r} in\n{self.log}")
        return found[times - 1]

    def _with(self, text: str, since: int) -> list[str]:
        return [line for line in self.lines[since:] if text in line]

    # ── asking ──

    def ask(
        self,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        *,
        key: str | None = KEY,
        method: str | None = None,
    ) -> Answer:
        """One request on a connection of its own; a body that is not bytes is sent as JSON."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=PATIENCE_S)
        shown = {"authorization": f"Bearer {key}"} if key else {}
        try:
            sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            connection.request(
                method or ("GET" if body is None else "POST"), path, sent, {**shown, **(headers or {})}
            )
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def chat(self, model: str, *, stream: bool = False, **members: Any) -> Answer:
        return self.ask(CHAT, {"model": model, "messages": HI, "stream": stream, **members})

    def metrics(self) -> Metrics:
        return Metrics(self.ask("/metrics").body.decode())

    def until(self, wanted: Callable[[Metrics], bool]) -> Metrics:
        """The metrics, as soon as they are as wanted; fails where that takes longer than anybody waits."""
        for _ in range(LOOKS):
            if wanted(page := self.metrics()):
                return page
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE_S / LOOKS)
        text = self.ask("/metrics").body.decode()
        raise AssertionError("not so: " + "\n".join(line for line in text.splitlines() if "_total{" in line))

    def open(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> socket.socket:
        """A raw connection with the request already sent."""
        sent = json.dumps(body).encode()
        lines = [f"POST {path} HTTP/1.1", "host: gateway", f"content-length: {len(sent)}"]
        shown = {"authorization": f"Bearer {KEY}", **(headers or {})}
        lines += [f"{name}: {value}" for name, value in shown.items()]
        connection = self.connect()
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + sent)
        return connection

    def connect(self) -> socket.socket:
        return socket.create_connection((HOST, self.port), timeout=PATIENCE_S)

    # ── ending ──

    def tell(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """The exit code, once it has ended and everything it wrote has been read."""
        self.tell(number)
        return self.wait()

    def wait(self) -> int:
        try:
            return self.process.wait(timeout=PATIENCE_S)
        finally:
            self.close()

    def close(self) -> None:
        """Ends it and its workers, whatever they are doing."""
        with suppress(ProcessLookupError):
            killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join(timeout=PATIENCE_S)
        assert self.process.stderr is not None
        self.process.stderr.close()
        self._folder.cleanup()


@contextmanager
def running(config: str | None, *options: str, workers: int = 1, **more: str) -> Iterator[Gateway]:
    """A gateway that is gone afterwards. Fails where its log holds a stack trace."""
    gateway = Gateway(config, *options, workers=workers, **more)
    try:
        yield gateway
    finally:
        gateway.close()
    traces = [line[:4000] for line in gateway.lines if "Traceback" in line]
    assert not traces, traces


def received(connection: socket.socket) -> bytes:
    """All that comes until the other end closes."""
    found = b""
    with connection:
        while True:
            try:
                piece = connection.recv(65536)
            except ConnectionResetError:
                return found
            if not piece:
                return found
            found += piece


def events(body: bytes) -> list[bytes]:
    """The data of every event of a stream, `[DONE]` included."""
    return [line[6:] for line in body.split(b"\n") if line.startswith(b"data: ")]
