"""Starting and ending what is measured and what it talks to. Every process ended here was started here."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.wire import ANTHROPIC_DOCUMENT, OPENAI_DOCUMENT

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parent.parent

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")

_NGINX_CONF = """
daemon off;
master_process off;
worker_processes 1;
pid {at}/nginx.pid;
error_log stderr error;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {at}/body;
  proxy_temp_path {at}/proxy;
  fastcgi_temp_path {at}/fastcgi;
  uwsgi_temp_path {at}/uwsgi;
  scgi_temp_path {at}/scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  tcp_nodelay on;
  default_type application/json;
  upstream bench {{ server {pass_to}; keepalive 64; keepalive_requests 1000000000; }}
  server {{ listen {host}:{port} backlog=4096; {locations} }}
}}
"""
_ANSWER = "location / {{ return 200 '{openai}'; }} location ~ /messages$ {{ return 200 '{anthropic}'; }}"
_PASS = """location / {
  proxy_pass http://bench;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_buffering off;
}"""


def environment() -> dict[str, str]:
    """Ours, but Python may keep the bytecode it compiles: an installed gateway has its own too."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class BenchError(Exception):
    """The bench itself could not be carried out; no number may be taken from this run."""


def end_with_us() -> None:
    """From now on a SIGTERM unwinds this program as Ctrl-C does: what it has started is stopped, and not left
    running in its sessions of its own. Exit code 143."""

    def leave(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A process that listens on a port of this host."""

    def __init__(self, name: str, command: Sequence[str], *, port: int, cores: set[int], log: Path) -> None:
        self.name = name
        self.command = list(command)
        self.port = port
        self._cores = cores
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        return f"<{self.name} on {HOST}:{self.port}, log {self._log}>"

    @property
    def pid(self) -> int:
        if self._process is None or self._process.poll() is not None:
            raise BenchError(f"{self.name} is not running; its last words:\n{self._last_words()}")
        return self._process.pid

    def start(self) -> None:
        """Starts the process on its cores, in a session of its own; does not wait for it to listen."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=lambda: os.sched_setaffinity(0, self._cores),
            )

    def wait_until_listening(self, timeout_s: float = 30.0) -> None:
        """Raises `BenchError` if the process ends, or the port stays closed."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            _ = self.pid
            with socket.socket() as probe:
                if probe.connect_ex((HOST, self.port)) == 0:
                    return
            time.sleep(0.005)
        raise BenchError(f"{self.name} did not listen within {timeout_s:g} s:\n{self._last_words()}")

    def stop(self) -> None:
        """SIGTERM to the process; after 5 s SIGKILL to all of its session."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _last_words(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-15:]) or "(nothing)"


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """The server, listening; stopped on the way out whatever happened."""
    server.start()
    try:
        server.wait_until_listening()
        yield server
    finally:
        server.stop()


def _quoted(document: bytes) -> str:
    return document.decode().replace("\\", "\\\\").replace("'", "\\'")


def nginx(at: Path, *, cores: set[int], name: str = "nginx", pass_to: int | None = None) -> Server:
    """nginx answering every POST with a canned document, or proxying to the port `pass_to`."""
    if NGINX is None:
        raise BenchError("nginx is not installed")
    at = at / name
    at.mkdir()
    port = free_port()
    conf = at / "nginx.conf"
    documents = {"openai": _quoted(OPENAI_DOCUMENT), "anthropic": _quoted(ANTHROPIC_DOCUMENT)}
    locations = _PASS if pass_to else _ANSWER.format(**documents)
    passed = f"{HOST}:{pass_to or port}"
    conf.write_text(_NGINX_CONF.format(at=at, host=HOST, port=port, pass_to=passed, locations=locations))
    command = [NGINX, "-p", str(at), "-c", str(conf), "-e", "stderr"]
    return Server(name, command, port=port, cores=cores, log=at / "log")


def python_upstream(at: Path, *, cores: set[int], name: str = "upstream") -> Server:
    """`bench.upstream`: streams in both dialects, and documents."""
    port = free_port()
    command = [sys.executable, "-m", "bench.upstream", "--port", str(port)]
    return Server(name, command, port=port, cores=cores, log=at / f"{name}.log")


def document_upstream(at: Path, *, cores: set[int]) -> Server:
    """The cheapest source of documents this machine has."""
    return nginx(at, cores=cores) if NGINX else python_upstream(at, cores=cores, name="documents")


def bare(
    at: Path,
    *,
    json_port: int,
    sse_port: int,
    cores: set[int],
    client: str = "pyreqwest",
    options: Sequence[str] = (),
) -> Server:
    """`bench.bare`: with nothing said of client and options, the denominator."""
    port = free_port()
    path = "v1/chat/completions"
    command = [
        *(sys.executable, "-m", "bench.bare", "--port", str(port), "--client", client),
        *("--json-url", f"http://{HOST}:{json_port}/{path}", "--sse-url", f"http://{HOST}:{sse_port}/{path}"),
        *options,
    ]
    return Server(f"bare-{client}", command, port=port, cores=cores, log=at / f"bare-{client}-{port}.log")
