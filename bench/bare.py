"""The denominator: a pass-through as one would write it by hand, and nothing else.

    python -m bench.bare --port 9002 --json-url http://…/v1/chat/completions --sse-url http://…

Raw ASGI under uvicorn (uvloop, httptools), one pyreqwest client, keep-alive on both sides. It reads the
request, puts the provider's key in place of the caller's, sends it on and relays the answer: a document in
one piece, a stream piece by piece as it arrives. It knows no error but a crash. The two URLs exist
because the bench answers documents from nginx and streams from `bench.upstream`.

`--client` builds the same on another HTTP client or on none, for `bench.stack`.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]
    App = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

PROVIDER_KEY = "sk-bench-upstream-0f1e2d3c4b5a69788796a5b4c3d2e1f0"

_JSON_HEADER = (b"content-type", b"application/json")


async def read(receive: Receive) -> bytes:
    """The whole body of a request."""
    message = await receive()
    body: bytes = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    return body


async def send_document(send: Send, status: int, body: bytes) -> None:
    headers = [_JSON_HEADER, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def stream_head(status: int) -> dict[str, Any]:
    return {
        "type": "http.response.start",
        "status": status,
        "headers": [(b"content-type", b"text/event-stream; charset=utf-8")],
    }


def over_pyreqwest(json_url: str, sse_url: str, *, hold_back: int | None = 0) -> App:
    """The pass-through itself. `hold_back=None` leaves pyreqwest's own buffering of streams in place."""
    from pyreqwest.client import ClientBuilder
    from pyreqwest.http import Url

    client = (
        ClientBuilder()
        .default_headers({"content-type": "application/json", "authorization": f"Bearer {PROVIDER_KEY}"})
        .gzip(False)
        .brotli(False)
        .zstd(False)
        .deflate(False)
        .no_proxy()
        .build()
    )
    document_at, stream_at = Url(json_url), Url(sse_url)

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        body = await read(receive)
        if b'"stream":true' not in body:
            response = await client.post(document_at).body_bytes(body).build().send()
            await send_document(send, response.status, (await response.bytes()).to_bytes())
            return
        request = client.post(stream_at).body_bytes(body)
        if hold_back is not None:
            request = request.streamed_read_buffer_limit(hold_back)
        async with request.build_streamed() as answer:
            await send(stream_head(answer.status))
            next_chunk = answer.body_reader.read_chunk
            while (chunk := await next_chunk()) is not None:
                await send({"type": "http.response.body", "body": chunk.to_bytes(), "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return app


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="bench.bare", description=__doc__.partition("\n")[0] if __doc__ else ""
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--json-url", default="http://127.0.0.1:9/")
    parser.add_argument("--sse-url", default="http://127.0.0.1:9/")
    parser.add_argument("--client", default="pyreqwest", help="pyreqwest, or one of bench.variants")
    parser.add_argument("--loop", default="uvloop", choices=["uvloop", "asyncio"])
    parser.add_argument("--http", default="httptools", choices=["httptools", "h11"])
    options = parser.parse_args(argv)
    if options.client == "pyreqwest":
        app = over_pyreqwest(options.json_url, options.sse_url)
    else:
        from bench.variants import VARIANTS

        app = VARIANTS[options.client](options.json_url, options.sse_url)
    uvicorn.run(
        app,
        host=options.host,
        port=options.port,
        loop=options.loop,
        http=options.http,
        lifespan="off",
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        backlog=4096,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
