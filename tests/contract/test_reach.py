"""How `adapters.http` comes to an upstream: addresses, TLS, proxies of the environment."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from headgate.adapters.http import direct, http_transport
from headgate.adapters.http.direct import DirectTransport
from headgate.adapters.http.proxied import ProxiedTransport
from headgate.core.errors import UpstreamUnavailable
from peer import OK, Run, Server, answers, saying, serving, to, told, turn_of_the_loop

HERE = Path(__file__).parent


@pytest.fixture
def two_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name has an IPv6 address where nobody is, and an IPv4 address."""
    monkeypatch.setattr(direct, "_addresses_of", lambda host, port: ["::1", "127.0.0.1"])


@pytest.mark.usefixtures("two_addresses")
def test_every_address_of_a_name_is_tried(run: Run) -> None:
    async def story() -> None:
        async with serving(answers) as server:
            server.url = server.url.replace("127.0.0.1", "two.invalid")
            transport = to(server)
            assert await told(transport) == b"ok"
            assert b"host: two.invalid:" in server.peers[0].request

    run(story())


class Names:
    """A resolver that counts. `silent` ones never answer while the story lasts."""

    def __init__(self, *found: list[str]) -> None:
        self.found = found
        self.asked = 0
        self.over = threading.Event()

    def __call__(self, host: str, port: int) -> list[str]:
        if host.startswith("silent"):
            self.over.wait(10)
        self.asked += 1
        return self.found[min(self.asked, len(self.found)) - 1]


def test_a_silent_resolver_holds_up_nobody_else(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """uvloop's own threads are four; here are more names than that, and one more request to each."""
    names = Names(["127.0.0.1"])
    monkeypatch.setattr(direct, "_addresses_of", names)

    async def story() -> None:
        async with serving(answers) as server:
            url = server.url.replace("127.0.0.1", "quick.invalid")
            silent = [
                DirectTransport(url.replace("quick", f"silent-{n}"), headers={}, connect_s=5.0)
                for n in range(8)
            ]
            before = threading.active_count()
            waiting = [asyncio.ensure_future(told(transport)) for transport in silent * 2]
            await turn_of_the_loop()
            assert threading.active_count() <= before + len(silent), "one look-up at a time for a name"
            quick = DirectTransport(url, headers={}, connect_s=1.0)
            assert await told(quick) == b"ok"
            assert not any(one.done() for one in waiting)
            names.over.set()
            assert set(await asyncio.gather(*waiting)) == {b"ok"}

    try:
        run(story())
    finally:
        names.over.set()


async def told_anew(server: Server, transport: DirectTransport) -> None:
    """On a new connection: those there were have been closed."""
    assert await told(transport) == b"ok"
    await server.until_gone(len(server.peers))


@pytest.mark.parametrize(("fresh_s", "asked"), [(30.0, 1), (0.0, 3)])
def test_addresses_are_kept_for_a_while(
    run: Run, monkeypatch: pytest.MonkeyPatch, fresh_s: float, asked: int
) -> None:
    """Old ones are used while new ones are looked up, also where that fails."""
    names = Names(["127.0.0.1"])
    monkeypatch.setattr(direct, "_addresses_of", names)
    monkeypatch.setattr(direct, "FRESH_S", fresh_s)

    async def story() -> None:
        async with serving(saying(OK)) as server:
            server.url = server.url.replace("127.0.0.1", "kept.invalid")
            transport = to(server)
            for _ in range(3):
                await told_anew(server, transport)
            assert len(server.peers) == 3

    run(story())
    assert names.asked == asked


def test_addresses_where_nobody_is_any_more_are_forgotten(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(["::1"], ["127.0.0.1"])
    monkeypatch.setattr(direct, "_addresses_of", names)

    async def story() -> None:
        async with serving(answers) as server:
            server.url = server.url.replace("127.0.0.1", "moved.invalid")
            transport = to(server)
            with pytest.raises(UpstreamUnavailable, match="connected"):
                await told(transport)
            assert await told(transport) == b"ok"

    run(story())
    assert names.asked == 2


def test_a_name_that_nobody_has_is_unavailable(run: Run) -> None:
    async def story() -> None:
        for host in ("no-such-host.invalid", "x" * 70 + ".invalid"):
            transport = DirectTransport(f"http://{host}", headers={}, connect_s=5.0)
            with pytest.raises(UpstreamUnavailable, match="connected"):
                await told(transport)

    run(story())


def test_a_connection_that_nobody_accepts_is_given_up(run: Run) -> None:
    """A full backlog: the kernel does not answer."""

    async def story() -> None:
        with socket.socket() as full, socket.socket() as first, socket.socket() as second:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for waiting in (first, second):
                waiting.setblocking(False)
                waiting.connect_ex(full.getsockname())
            url = f"http://127.0.0.1:{full.getsockname()[1]}"
            with pytest.raises(UpstreamUnavailable, match="in time"):
                await told(DirectTransport(url, headers={}, connect_s=0.2))

    run(story())


@pytest.fixture
def tls(monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    """A server's side; its authority is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(HERE / "tls" / "authority.pem"))
    direct._tls.cache_clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(HERE / "tls" / "server.pem", HERE / "tls" / "server.key")
    yield context
    direct._tls.cache_clear()


def test_over_tls(run: Run, tls: ssl.SSLContext) -> None:
    async def story() -> None:
        async with serving(answers, tls=tls) as server:
            transport = to(server)
            for stream in (True, False):
                assert await told(transport, stream=stream) == b"ok"
            assert len(server.peers) == 1

    tls.set_alpn_protocols(["h2", "http/1.1"])
    run(story())


async def refused(server_side: ssl.SSLContext, host: str) -> None:
    async with serving(answers, tls=server_side) as server:
        server.url = server.url.replace("127.0.0.1", host)
        with pytest.raises(UpstreamUnavailable, match="connected") as raised:
            await told(to(server))
        assert isinstance(raised.value.__cause__, ssl.SSLCertVerificationError)
        assert not any(peer.request for peer in server.peers), "a key was shown to a stranger"


def test_a_certificate_of_an_unknown_authority_is_refused(
    run: Run, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(HERE / "tls" / "nobody.pem"))
    direct._tls.cache_clear()
    run(refused(tls, "127.0.0.1"))


@pytest.mark.usefixtures("two_addresses")
def test_a_certificate_for_another_name_is_refused(run: Run, tls: ssl.SSLContext) -> None:
    run(refused(tls, "two.invalid"))


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_a_proxy_of_the_environment_is_used(run: Run, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    async def story() -> None:
        async with serving(saying(OK)) as proxy:
            monkeypatch.setenv(variable, proxy.url.removesuffix("/v1"))
            for url in ("http://far.invalid/v1", "http://near.invalid/v1"):
                made = http_transport(url, headers={}, connect_s=1.0, total_s=5.0)
                assert isinstance(made, ProxiedTransport if "far" in url else DirectTransport)
                if "far" in url:
                    assert await told(made) == b"ok"
            assert proxy.peers[0].request.startswith(b"POST http://far.invalid/v1/chat HTTP/1.1\r\n")

    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "near.invalid")
    run(story())
