"""The pass-through on other parts, to know what each costs: for `bench.stack`, never for the ratios.

A variant whose library is not installed is simply not measured.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from bench.bare import PROVIDER_KEY, over_pyreqwest, read, send_document, stream_head
from bench.wire import OPENAI_DOCUMENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.bare import App, Receive, Send

_HEADERS = {"content-type": "application/json", "authorization": f"Bearer {PROVIDER_KEY}"}


def alone(json_url: str, sse_url: str) -> App:
    """No upstream: what receiving a request and sending a document costs by itself."""

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await read(receive)
        await send_document(send, 200, OPENAI_DOCUMENT)

    return app


def fastapi_route(json_url: str, sse_url: str) -> App:
    """`alone`, as a FastAPI endpoint that takes the raw request: what the framework costs by itself."""
    from fastapi import FastAPI, Request, Response

    app = FastAPI()

    async def chat(request: Request) -> Response:
        await request.body()
        return Response(OPENAI_DOCUMENT, media_type="application/json")

    chat.__annotations__ = {"request": Request, "return": Response}  # imported too late for FastAPI to find
    app.post("/v1/chat/completions")(chat)
    return app  # type: ignore[return-value]  # an ASGI app, whose scope is a MutableMapping


def fastapi_model(json_url: str, sse_url: str) -> App:
    """`fastapi_route` with the body validated by a pydantic model, as most gateways in Python do it."""
    from fastapi import FastAPI, Response
    from pydantic import BaseModel

    class Message(BaseModel):
        role: str
        content: str

    class Chat(BaseModel):
        model: str
        messages: list[Message]
        temperature: float | None = None
        max_tokens: int | None = None

    app = FastAPI()

    async def chat(asked: Chat) -> Response:
        return Response(OPENAI_DOCUMENT, media_type="application/json")

    chat.__annotations__ = {"asked": Chat, "return": Response}
    app.post("/v1/chat/completions")(chat)
    return app  # type: ignore[return-value]  # an ASGI app, whose scope is a MutableMapping


def over_httpx(json_url: str, sse_url: str) -> App:
    import httpx

    limits = httpx.Limits(max_connections=1000, max_keepalive_connections=1000)
    client = httpx.AsyncClient(headers=_HEADERS, limits=limits, timeout=60, trust_env=False)

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        body = await read(receive)
        if b'"stream":true' not in body:
            response = await client.post(json_url, content=body)
            await send_document(send, response.status_code, response.content)
            return
        async with client.stream("POST", sse_url, content=body) as answer:
            await send(stream_head(answer.status_code))
            async for chunk in answer.aiter_raw():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return app


def over_aiohttp(json_url: str, sse_url: str) -> App:
    import aiohttp  # type: ignore[import-not-found,unused-ignore]  # measured where it happens to be installed

    sessions: list[aiohttp.ClientSession] = []

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        body = await read(receive)
        if not sessions:
            connector = aiohttp.TCPConnector(limit=0)
            sessions.append(
                aiohttp.ClientSession(headers=_HEADERS, connector=connector, auto_decompress=False)
            )
        stream = b'"stream":true' in body
        async with sessions[0].post(sse_url if stream else json_url, data=body) as answer:
            if not stream:
                await send_document(send, answer.status, await answer.read())
                return
            await send(stream_head(answer.status))
            async for chunk in answer.content.iter_any():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return app


def held_back(json_url: str, sse_url: str) -> App:
    """pyreqwest with its own buffering of streams left in place: to show why it may not stay."""
    return over_pyreqwest(json_url, sse_url, hold_back=None)


VARIANTS: dict[str, Callable[[str, str], App]] = {
    "alone": alone,
    "fastapi": fastapi_route,
    "fastapi-pydantic": fastapi_model,
    "httpx": over_httpx,
    "held-back": held_back,
}
if find_spec("aiohttp"):
    VARIANTS["aiohttp"] = over_aiohttp
