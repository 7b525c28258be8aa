"""Hot paths by one look-up, everything else by an app that is built meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from headgate.server.app import App, AsgiApp, Paths


class Answering:
    """An application that remembers who asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append((scope["method"], scope["path"]))

    async def serve(self, direct: Any) -> None:
        raise AssertionError("no server of ours is asked")


class Life:
    """What is opened and closed, and a cold app that takes as long as it is told to."""

    def __init__(self) -> None:
        self.hot, self.cold = Answering(), Answering()
        self.may_build = threading.Event()
        self.open = False

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[tuple[Paths, Callable[[], AsgiApp]]]:
        self.open = True
        yield {"/hot": self.hot}, self._build
        self.open = False

    def _build(self) -> AsgiApp:
        assert self.may_build.wait(5)
        return self.cold


async def started(life: Life) -> tuple[App, asyncio.Queue[Any], asyncio.Task[None], list[str]]:
    """An app after its start, the queue that stops it, and what it has said."""
    app, said = App(life), []
    messages: asyncio.Queue[Any] = asyncio.Queue()
    ready = asyncio.Event()

    async def send(message: Any) -> None:
        said.append(message["type"])
        ready.set()

    task = asyncio.create_task(app({"type": "lifespan"}, messages.get, send))
    messages.put_nowait({"type": "lifespan.startup"})
    await ready.wait()
    return app, messages, task, said


async def ask(app: App, path: str, method: str = "POST") -> None:
    await app({"type": "http", "method": method, "path": path}, None, None)  # type: ignore[arg-type]  # never used


def test_hot_paths_are_open_before_the_cold_app_is_built() -> None:
    async def main() -> None:
        life = Life()
        app, messages, task, said = await started(life)
        await ask(app, "/hot")
        cold = asyncio.create_task(ask(app, "/cold", "GET"))
        await asyncio.wait({cold}, timeout=0.01)
        assert not cold.done()
        life.may_build.set()
        await cold
        assert (life.hot.asked, life.cold.asked) == ([("POST", "/hot")], [("GET", "/cold")])
        messages.put_nowait({"type": "lifespan.shutdown"})
        await task
        assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        assert not life.open

    asyncio.run(main())


def test_a_hot_path_by_another_method_is_the_cold_apps() -> None:
    async def main() -> None:
        life = Life()
        life.may_build.set()
        app, messages, task, _ = await started(life)
        for method in ("GET", "HEAD", "PUT", "post"):
            await ask(app, "/hot", method)
        await ask(app, "/hot/")
        assert life.hot.asked == []
        assert len(life.cold.asked) == 5
        messages.put_nowait({"type": "lifespan.shutdown"})
        await task

    asyncio.run(main())


def test_nobody_is_served_before_the_start() -> None:
    with pytest.raises(RuntimeError, match="before it has started"):
        asyncio.run(ask(App(Life()), "/cold"))


def test_a_websocket_is_closed() -> None:
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    asyncio.run(App(Life())({"type": "websocket"}, None, send))  # type: ignore[arg-type]  # nothing is received
    assert said == [{"type": "websocket.close", "code": 1000}]
