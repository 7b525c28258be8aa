"""Everything that is not hot: health, models, router, metrics, and the description of it all. FastAPI.

Imported once the hot endpoints are open: it takes longer than all the rest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from math import inf
from typing import Annotated, Any

import msgspec
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from headgate.core.call import Call, Caller, Operation
from headgate.core.denials import Asked
from headgate.core.errors import GatewayError, InternalError, InvalidRequest, UnknownModel
from headgate.core.routes import shown
from headgate.core.version import VERSION
from headgate.ports.codec import Surface
from headgate.server import intake
from headgate.server.admin import Admin, describe_admin, describe_usage
from headgate.server.budgets import describe_budgets
from headgate.server.errors import status_of
from headgate.server.front import House, ModelCard
from headgate.server.gate import Gate, document
from headgate.server.hotdocs import PATHS, describe_hot
from headgate.server.jobs import describe_jobs

_CODES = {404: "not_found", 405: "method_not_allowed"}
MOST_SAID = 4096
"""Bytes of feedback."""

CREATED = 1_700_000_000
"""`created` of a model card: the API wants a date, and the configuration has none."""


def create(house: House, surface: Surface) -> FastAPI:
    """The app over `house`; `surface` writes its errors, in OpenAI's shape."""
    app = FastAPI(
        title="Headgate",
        version=VERSION,
        summary="One OpenAI-compatible endpoint in front of every model.",
        redoc_url=None,
        strict_content_type=False,  # what is no JSON is said to be none
    )
    _health(app, house)
    _models(app, house)
    _router(app, house, surface)
    _feedback(app, house)
    describe_admin(app, house)
    describe_budgets(Admin(app, house), house)
    describe_usage(app, house, _caller(house))
    describe_jobs(app, house, _caller(house))
    _hot(app)
    _errors(app, surface, house)
    describe_hot(app)
    app.add_middleware(Gate, house=house, surface=surface)
    return app


def _health(app: FastAPI, house: House) -> None:
    @app.get("/livez", tags=["health"], summary="Is the process alive?")
    async def livez() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", tags=["health"], summary="Should it be sent traffic? 503 with the reason if not.")
    async def readyz(response: Response) -> dict[str, Any]:
        document = house.front.health()
        status = document["status"]
        reason = "no upstream is ready" if status == "down" else None
        if reason:
            response.status_code = 503
            response.headers["retry-after"] = "1"
        kept = {name: document[name] for name in ("books", "keys", "failing") if name in document}
        return {"ready": reason is None, "reason": reason, "generation": house.front.number, **kept}

    @app.get("/health", tags=["health"], summary="Every model's upstreams: state, latency, availability.")
    async def health() -> JSONResponse:
        document = house.front.health()
        return JSONResponse(document, status_code=503 if document["status"] == "down" else 200)

    @app.get("/metrics", tags=["health"], summary="Prometheus metrics.")
    async def metrics() -> Response:
        page, content_type = house.metrics()
        return Response(page, media_type=content_type)


def _caller(house: House) -> Callable[[Request], Awaitable[Caller]]:
    async def check(request: Request) -> Caller:
        return house.front.door.admit(dict(request.scope["headers"]))

    return check


def _models(app: FastAPI, house: House) -> None:
    guarded = [Depends(_caller(house))]

    @app.get("/v1/models", tags=["models"], summary="Routes and models.", dependencies=guarded)
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [_card(card) for card in house.front.models]}

    @app.get("/v1/models/{model:path}", tags=["models"], summary="One of them.", dependencies=guarded)
    async def model(model: str) -> dict[str, Any]:
        for card in house.front.models:
            if card.id == model:
                return _card(card)
        raise UnknownModel(
            f"The model '{shown(model)}' does not exist.", param="model", code="model_not_found"
        )


def _card(card: ModelCard) -> dict[str, Any]:
    document = {"id": card.id, "object": "model", "created": CREATED, "owned_by": card.owned_by}
    return document | {"kind": card.kind, "context_length": card.context}


def _router(app: FastAPI, house: House, surface: Surface) -> None:
    here = Depends(_caller(house))

    @app.get(
        "/router/info",
        tags=["router"],
        summary="Configuration and state of the router, without its secrets.",
    )
    async def info(caller: Caller = here) -> Mapping[str, Any]:
        return house.front.info(caller)

    @app.post("/router/explain", tags=["router"], summary="How a chat request would be routed. Asks nobody.")
    async def explain(request: Request, caller: Caller = here) -> Mapping[str, Any]:
        headers, front = dict(request.scope["headers"]), house.front
        body = await intake.read_body(
            request.receive, headers, max_bytes=front.max_body_bytes, patience_s=front.body_patience_s
        )
        call = Call(
            payload=surface.parse(Operation.CHAT, body),
            caller=caller,
            request_id="",
            started_at=0.0,
            deadline_at=inf,
            session=intake.session(headers),
        )
        return front.explain(call)

    @app.get("/router/explain/{request_id}", tags=["router"], summary="How a recent request was routed.")
    async def receipt(request_id: str, caller: Caller = here) -> Mapping[str, Any]:
        found = house.front.receipt(caller, request_id)
        if found is None:
            raise HTTPException(404, "No receipt of that request is kept for this key.")
        return found


class Score(msgspec.Struct, forbid_unknown_fields=True):
    """The body of `/v1/feedback`: how good the answer to a request was; `true` is 1."""

    request_id: Annotated[str, msgspec.Meta(min_length=1, max_length=160)]
    score: Annotated[float, msgspec.Meta(ge=0, le=1)] | bool


def _feedback(app: FastAPI, house: House) -> None:
    here = Depends(_caller(house))

    @app.post("/v1/feedback", tags=["router"], summary="How good an answer was: {request_id, score}.")
    async def feedback(request: Request, caller: Caller = here) -> Mapping[str, Any]:
        front = house.front
        body = await intake.read_body(
            request.receive,
            dict(request.scope["headers"]),
            max_bytes=MOST_SAID,
            patience_s=front.body_patience_s,
        )
        try:
            said = msgspec.json.decode(body, type=Score)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidRequest(f"Feedback is {{request_id, score}}: {error}") from None
        found = front.scored(caller, said.request_id, float(said.score))
        if found is None:
            raise HTTPException(404, "No answer to that request waits to be scored by this key.")
        return found


def _hot(app: FastAPI) -> None:
    """The hot paths, as far as they come here: by any method but theirs, which is an error that says so."""

    async def elsewhere() -> None:
        raise InternalError("The gateway failed: a hot path was not taken.")

    for path in PATHS:
        app.add_api_route(path, elsewhere, methods=["POST"], include_in_schema=False)


def _errors(app: FastAPI, surface: Surface, house: House) -> None:
    """Every error in OpenAI's shape, whoever raised it; who was refused is written down."""

    async def ours(request: Request, error: Exception) -> Response:
        if not isinstance(error, GatewayError):
            raise error
        who = getattr(request.state, "who", "")
        house.denied(error, Asked(who, "", request.url.path, ""))
        return document(surface, error, status_of(error))

    async def starlettes(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        bare = error.detail == HTTPStatus.NOT_FOUND.phrase
        text = "There is nothing at this path." if bare else str(error.detail)
        response = document(
            surface, GatewayError(text, code=_CODES.get(error.status_code)), error.status_code
        )
        response.headers.update(error.headers or {})
        return response

    async def bugs(request: Request, error: Exception) -> Response:
        return document(surface, InternalError("The gateway failed. Its log has more."), 500)

    handlers: list[tuple[type[Exception], Callable[[Request, Exception], Awaitable[Response]]]]
    handlers = [
        (GatewayError, ours),
        (RequestValidationError, _unfit(surface)),
        (HTTPException, starlettes),
        (Exception, bugs),
    ]
    for kind, handler in handlers:
        app.add_exception_handler(kind, handler)


def _unfit(surface: Surface) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Where FastAPI finds fault with a query or a body."""

    async def unfit(request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return document(surface, InvalidRequest("The body is not JSON."), 400)
        param = ".".join(str(part) for part in first["loc"][1:]) or None
        return document(surface, InvalidRequest(f"{param or 'The body'}: {first['msg']}", param=param), 400)

    return unfit
