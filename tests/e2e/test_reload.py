"""A new configuration while the gateway serves: by a changed file, by SIGHUP; whole, or not at all."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator

import pytest

from configs import provider
from gateway import CHAT, HI, HOST, KEY, Gateway, events, running
from simserver import Server

pytestmark = pytest.mark.e2e

OTHER = "other-key-0123456789abcdef"


def config(
    sim: Server,
    *models: str,
    keys: tuple[str, ...] = (KEY,),
    provider_more: str = "",
    server: str = "",
) -> str:
    """Models named after the upstream's name for them."""
    listed = "".join(f"  {name}: {{provider: openai, name: {name}}}\n" for name in ("plain", *models))
    return f"""
server: {{host: {HOST}{server}}}
keys: [{", ".join(f"{{name: k{number}, key: {key}}}" for number, key in enumerate(keys))}]
breaker: {{failures: 2, recovery_s: 600}}
retry: {{attempts: 1}}
cache: {{exact: {{ttl_s: 0}}}}
coalesce: {{window_s: 0}}
providers:
{provider("openai", sim.port, more=provider_more)}models:
{listed}"""


@pytest.fixture(scope="module")
def served(sim: Server) -> Iterator[Gateway]:
    with running(config(sim)) as one:
        yield one


@pytest.fixture
def gateway(sim: Server, served: Gateway) -> Gateway:
    """The same process, with the file it began with."""
    if served.file.exists() and served.file.read_text() == config(sim):
        return served
    change(served, config(sim))
    return served


def change(gateway: Gateway, text: str, says: str = "reloaded as generation") -> str:
    """Replaces the file as an editor does, says so, and waits for what is said of it."""
    lines = len(gateway.lines)
    fresh = gateway.file.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(gateway.file)
    gateway.tell(signal.SIGHUP)
    return gateway.logged(says, since=lines)


def generation(gateway: Gateway) -> int:
    found: int = gateway.ask("/readyz").document["generation"]
    return found


def names(gateway: Gateway) -> set[str]:
    return {card["id"] for card in gateway.ask("/v1/models").document["data"]}


def test_a_changed_file_is_served_at_once(gateway: Gateway, sim: Server) -> None:
    assert gateway.chat("fresh").status == 404
    before = generation(gateway)
    change(gateway, config(sim, "fresh"))
    assert gateway.chat("fresh").status == 200
    assert names(gateway) == {"auto", "plain", "fresh"}
    change(gateway, config(sim))
    assert gateway.chat("fresh").status == 404
    assert gateway.chat("plain").status == 200
    assert generation(gateway) >= before + 2


def test_a_file_written_in_place_is_noticed_unasked(gateway: Gateway, sim: Server) -> None:
    lines = len(gateway.lines)
    gateway.file.write_text(config(sim, "fresh"))
    gateway.logged("reloaded as generation", since=lines)
    assert gateway.chat("fresh").status == 200


def test_a_signal_reloads_a_file_that_looks_unchanged(gateway: Gateway, sim: Server) -> None:
    """As where only a variable's file behind it has changed."""
    before = os.stat(gateway.file)
    text = gateway.file.read_text().replace("plain", "plane")
    gateway.file.write_text(text)
    os.utime(gateway.file, ns=(before.st_atime_ns, before.st_mtime_ns))
    lines = len(gateway.lines)
    gateway.tell(signal.SIGHUP)
    gateway.logged("reloaded as generation", since=lines)
    assert names(gateway) == {"auto", "plane"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("models: [", ":1:"),
        ("server: {host: 127.0.0.1}\nproviders: {p: {dialect: openia}}\n", ":2:"),
        ("providers:\n  p: {dialect: simulated}\nmodels:\n  m: {provider: q}\n", ":4:"),
        ("", ""),
    ],
    ids=["no-yaml", "wrong-value", "wrong-reference", "empty"],
)
def test_a_wrong_file_changes_nothing_and_is_reported(
    gateway: Gateway, sim: Server, text: str, line: str
) -> None:
    before = generation(gateway)
    lines = len(gateway.lines)
    change(gateway, text, "not reloaded")
    said = "".join(gateway.lines[lines:])
    assert f"gateway.yaml{line}" in said
    assert gateway.chat("plain").status == 200
    assert generation(gateway) == before
    change(gateway, config(sim, "fresh"))
    assert gateway.chat("fresh").status == 200


def test_a_file_that_vanishes_changes_nothing(gateway: Gateway, sim: Server) -> None:
    lines = len(gateway.lines)
    gateway.file.unlink()
    gateway.tell(signal.SIGHUP)
    gateway.logged("not reloaded", since=lines)
    assert gateway.chat("plain").status == 200
    change(gateway, config(sim, "fresh"))
    assert gateway.chat("fresh").status == 200


def test_running_streams_end_on_the_generation_they_began_with(sim: Server) -> None:
    with running(config(sim, "fault-slow-6")) as gateway:
        body = {"model": "fault-slow-6", "messages": HI, "stream": True}
        with gateway.open(CHAT, body, {"connection": "close"}) as stream:
            found = stream.recv(65536)
            assert found.startswith(b"HTTP/1.1 200")
            change(gateway, config(sim, "fresh", keys=(OTHER,)))
            assert gateway.ask("/health").document["in_flight"] == 1
            assert gateway.ask("/metrics", key=OTHER).status == 200
            assert gateway.metrics()("in_flight") == 1
            while piece := stream.recv(65536):
                found += piece
        assert found.endswith(b"0\r\n\r\n")
        said = events(found)
        assert said[-1] == b"[DONE]"
        assert json.loads(said[-2])["x-routing-metadata"]["model_id"] == "fault-slow-6"
        gateway.until(lambda page: page("in_flight") == 0)
        assert gateway.metrics()("requests_total", model="fault-slow-6", status="finished") == 1


def test_keys_come_and_go(gateway: Gateway, sim: Server) -> None:
    body = {"model": "plain", "messages": HI}
    assert gateway.ask(CHAT, body, key=OTHER).status == 401
    change(gateway, config(sim, keys=(KEY, OTHER)))
    assert gateway.ask(CHAT, body, key=OTHER).status == 200
    change(gateway, config(sim, keys=(OTHER,)))
    assert gateway.ask(CHAT, body).status == 401
    assert gateway.ask("/v1/models").status == 401
    assert gateway.ask(CHAT, body, key=OTHER).status == 200


def test_what_did_not_change_keeps_its_breaker(sim: Server) -> None:
    text = config(sim, "fault-status-503")
    with running(text) as gateway:
        for _ in range(2):
            assert gateway.chat("fault-status-503").status == 502
        assert gateway.chat("fault-status-503").status == 503
        change(gateway, text.replace("models:\n", "models:\n  fresh: {provider: openai}\n"))
        assert gateway.chat("fault-status-503").status == 503
        (upstream,) = gateway.ask("/health").document["models"]["fault-status-503"]
        assert upstream["state"] == "open"
        change(gateway, text.replace("total_s: 20", "total_s: 21"))
        (upstream,) = gateway.ask("/health").document["models"]["fault-status-503"]
        assert upstream["state"] == "closed", "a provider that was changed is tried afresh"


def test_models_that_are_gone_are_gone_from_health_and_metrics(sim: Server) -> None:
    with running(config(sim, "extra", "fault-status-503")) as gateway:
        for _ in range(2):
            gateway.chat("fault-status-503")
        assert gateway.metrics()("breaker_state", upstream="openai/fault-status-503") == 2
        assert "extra" in gateway.ask("/health").document["models"]
        change(gateway, config(sim))
        assert set(gateway.ask("/health").document["models"]) == {"plain"}
        text = gateway.ask("/metrics").body.decode()
        assert 'headgate_model_health{model="extra"}' not in text
        assert 'headgate_breaker_state{upstream="openai/fault-status-503"}' not in text


def test_limits_of_the_server_change_too(gateway: Gateway, sim: Server) -> None:
    assert gateway.chat("plain").status == 200
    change(gateway, config(sim, server=", max_body_bytes: 20, metadata: off"))
    assert gateway.chat("plain").status == 413
    change(gateway, config(sim, server=", metadata: headers"))
    answer = gateway.chat("plain")
    assert answer.headers["x-routing-metadata"]
    assert b"x-routing-metadata" not in answer.body


def test_the_log_can_be_switched_off_and_on(gateway: Gateway, sim: Server) -> None:
    lines = len(gateway.lines)
    assert gateway.chat("plain").status == 200
    gateway.logged('"outcome":"finished"', since=lines)
    change(gateway, config(sim, server=", log: off"))
    for _ in range(3):
        assert gateway.chat("plain").status == 200
    change(gateway, config(sim))
    assert "".join(gateway.lines[lines:]).count('"outcome":"finished"') == 1


def test_many_changes_under_load_hurt_nobody(gateway: Gateway, sim: Server) -> None:
    """Twelve generations while requests come; every one is answered."""
    for number in range(12):
        gateway.file.write_text(
            config(sim, *(f"m{number}",) * (number % 2), provider_more=f"concurrency: {50 + number}")
        )
        gateway.tell(signal.SIGHUP)
        assert [gateway.chat("plain", stream=bool(turn % 2)).status for turn in range(6)] == [200] * 6
    gateway.until(lambda page: page("in_flight") == 0)


def test_nothing_is_lost_between_reading_and_watching(gateway: Gateway, sim: Server) -> None:
    """One change right after another."""
    for number in range(5):
        gateway.file.write_text(config(sim, f"m{number}"))
    gateway.until(lambda _: "m4" in names(gateway))


def test_prices_that_come_late_do_not_bring_the_old_file_back() -> None:
    """The price catalogue answers after a second; a file that is changed by then must stay changed."""
    head = f"""
server: {{host: {HOST}}}
keys: [{{name: me, key: {KEY}}}]
providers: {{openai: {{keys: [none]}}}}
"""
    with running(head + "models: {gpt-4o: {provider: openai}}") as gateway:
        gateway.file.write_text(head + "models: {gpt-4o-mini: {provider: openai}}")
        gateway.logged("reloaded as generation")
        gateway.until(lambda _: generation(gateway) >= 3)
        assert names(gateway) == {"auto", "gpt-4o-mini"}
