"""Headgate as a library: the same pipeline, without a server of its own."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import headgate
from configs import provider
from gateway import dead_port, environment
from headgate import HybridRouter
from headgate.adapters.probe import ollama_models
from headgate.config.discover import discover
from headgate.core.errors import AllUpstreamsFailed, GatewayError, UnknownModel
from simserver import Server

pytestmark = pytest.mark.e2e

PROMPT = "Tell me about suspension bridges"


def routed(sim: Server, tmp_path: Path, *, auto: str = "[dead, well]") -> HybridRouter:
    """A dead provider, a well one, and a local one."""
    file = tmp_path / "headgate.yaml"
    file.write_text(f"""
server: {{auth: off}}
retry: {{attempts: 2, backoff_s: 0.001}}
cache: {{exact: {{ttl_s: 0}}}}
coalesce: {{window_s: 0}}
providers:
{provider("openai", dead_port(), name="gone")}{provider("anthropic", sim.port)}{provider("ollama", sim.port)}
models:
  dead: {{provider: gone}}
  well: {{provider: anthropic, name: fine}}
  here: {{provider: ollama, name: fine}}
  slow: {{provider: anthropic, name: fault-hang}}
routes: {{auto: {{use: {auto}}}}}
""")
    return HybridRouter.from_config(file)


def served(sim: Server, question: Any) -> Any:
    """What it says, and the keys it was asked with."""
    sim.ask("/sim/reset", {})
    said = asyncio.run(question)
    return said, sorted(sim.stats()["keys"])


def test_a_question_is_answered_by_whoever_can(sim: Server, tmp_path: Path) -> None:
    router = routed(sim, tmp_path)
    text, keys = served(sim, router.route_request(PROMPT, "Be brief."))
    assert "suspension bridges" in text
    assert keys == ["…opic"]


def test_the_preferred_model_is_asked_first_and_the_chain_after_it(sim: Server, tmp_path: Path) -> None:
    router = routed(sim, tmp_path)
    assert served(sim, router.route_request(PROMPT, preferred_model="here"))[1] == ["…lama"]
    assert served(sim, router.route_request(PROMPT, preferred_model="dead"))[1] == ["…opic"]
    with pytest.raises(UnknownModel, match="nobody"):
        asyncio.run(router.route_request(PROMPT, preferred_model="nobody"))


def test_a_chain_that_fails_whole_is_one_error(sim: Server, tmp_path: Path) -> None:
    router = routed(sim, tmp_path, auto="[dead]")
    with pytest.raises(AllUpstreamsFailed, match="auto") as raised:
        asyncio.run(router.route_request(PROMPT))
    assert isinstance(raised.value, GatewayError)
    assert "127.0.0.1" not in raised.value.message


def test_a_question_may_be_cancelled(sim: Server, tmp_path: Path) -> None:
    router = routed(sim, tmp_path)

    async def story() -> Any:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await router.route_request(PROMPT, preferred_model="slow")
        return await router.health_check()

    assert asyncio.run(story())["in_flight"] == 0


def test_many_questions_share_one_gateway_and_each_loop_has_its_own(sim: Server, tmp_path: Path) -> None:
    router = routed(sim, tmp_path)

    async def story() -> list[str]:
        return await asyncio.gather(*(router.route_request(f"Tell me about bridge {n}") for n in range(20)))

    for _ in range(2):
        assert all(f"bridge {n}" in text for n, text in enumerate(asyncio.run(story())))


def test_health_tells_of_every_model(sim: Server, tmp_path: Path) -> None:
    router = routed(sim, tmp_path)

    async def story() -> dict[str, Any]:
        await router.route_request(PROMPT)
        return await router.health_check()

    found = asyncio.run(story())
    assert set(found["models"]) == {"dead", "well", "here", "slow"}
    assert found["models"]["well"][0]["availability"] == 1
    assert found["models"]["dead"][0]["availability"] == 0
    assert found["models"]["dead"][0]["last_error"]


def test_a_local_model_is_found_or_not(sim: Server, tmp_path: Path) -> None:
    router = routed(sim, tmp_path)
    assert asyncio.run(router.is_local_available())
    nobody = discover({"OPENAI_API_KEY": "sk-none"}, lambda _: None)
    assert not asyncio.run(HybridRouter(nobody.settings).is_local_available())


def test_the_environment_alone_is_enough(sim: Server, tmp_path: Path) -> None:
    """The names users know: openai, local; the chain ends at home."""
    script = f"""
import asyncio
import socket
from headgate import HybridRouter
router = HybridRouter.from_env()
async def main():
    assert await router.is_local_available()
    assert "bridges" in await router.route_request({PROMPT!r})
    assert "bridges" in await router.route_request({PROMPT!r}, None, preferred_model="local")
    assert "bridges" in await router.route_request({PROMPT!r}, "Be brief.", preferred_model="openai")
    assert set(await router.health_check()) >= {{"status", "models"}}
asyncio.run(main())
"""
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env=environment(
            OPENAI_API_KEY="sk-none",
            OLLAMA_HOST=f"127.0.0.1:{sim.port}",
            HTTPS_PROXY="http://127.0.0.1:9",
        ),
    )
    assert (found.returncode, found.stdout) == (0, ""), found.stderr
    assert "Traceback" not in found.stderr


def test_importing_it_is_cheap() -> None:
    """Nobody pays for the server, the SDKs or the price list."""
    script = (
        "import sys, headgate; bad = {'fastapi', 'uvicorn', 'pydantic', 'genai_prices', 'rich'} & "
        "set(sys.modules); assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30, env=environment())
    assert headgate.__version__


def test_its_settings_may_have_no_route(sim: Server, tmp_path: Path) -> None:
    file = tmp_path / "headgate.yaml"
    file.write_text(f"""
server: {{auth: off}}
cache: {{exact: {{ttl_s: 0}}}}
coalesce: {{window_s: 0}}
providers:
{provider("openai", sim.port)}models: {{only: {{provider: openai}}}}
""")
    router = HybridRouter.from_config(str(file))
    assert "bridges" in asyncio.run(router.route_request(PROMPT))
    assert "bridges" in asyncio.run(router.route_request(PROMPT, preferred_model="only"))


def test_a_local_model_on_a_busy_machine_is_found() -> None:
    """It takes the connection at once, and answers when it can."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                time.sleep(0.6)
                text = b'{"models": [{"name": "llama"}]}'
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(text), text))

        answering = threading.Thread(target=answer)
        answering.start()
        assert ollama_models(f"http://127.0.0.1:{listener.getsockname()[1]}") == ["llama"]
        answering.join()
    assert ollama_models(f"http://127.0.0.1:{dead_port()}") is None
