"""Describes the hot endpoints in `/openapi.json`: they are not FastAPI's, so it has to be told of them; and
the errors of the others, which are ours."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from fastapi import FastAPI

from headgate.providers.anthropic.wire import Request as MessagesRequest
from headgate.providers.openai.wire import ChatRequest, CompletionRequest, EmbeddingsRequest

_REF = "#/components/schemas/{name}"
_HEADERS = {
    "x-request-id": "Name of the request: echoed if it is 1 to 128 letters, digits or `._:-`, else made.",
    "x-headgate-deadline": "Longest time the answer may take, such as `2.5s` or `800ms`.",
    "x-headgate-tags": "Up to 16 tags, separated by commas, kept with the request's record.",
    "prefer": "`respond-async`: the answer may come later, as a job, where nobody can give it now.",
    "traceparent": "W3C trace context, handed on to the upstream.",
}
_STATUSES = {
    "200": "The answer; with `stream: true`, server-sent events.",
    "202": "Nobody can answer now, and the caller takes it later: a job, at `location`.",
    "400": "The body is wrong; `param` names the field.",
    "401": "No or unknown key.",
    "403": "The key may not use this model.",
    "404": "The model is unknown; the nearest names are given.",
    "413": "The body is too large.",
    "429": "Throttled; `retry-after` tells when.",
    "502": "Every upstream failed.",
    "503": "Overloaded, or no upstream is ready; `retry-after` tells when.",
    "504": "The deadline passed.",
}
_MAYBE = {"type": ["string", "null"]}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": _MAYBE,
                "code": _MAYBE,
            },
        }
    },
}
_THEIRS = ("HTTPValidationError", "ValidationError")
PATHS: dict[str, tuple[str, type[msgspec.Struct]]] = {
    "/v1/chat/completions": ("OpenAI chat completions.", ChatRequest),
    "/v1/completions": ("OpenAI text completions.", CompletionRequest),
    "/v1/embeddings": ("OpenAI embeddings.", EmbeddingsRequest),
    "/v1/messages": ("Anthropic messages.", MessagesRequest),
}


def describe_hot(app: FastAPI) -> None:
    """Adds the hot paths, their schemas and the two ways to show a key to what `app` says of itself."""
    cold = app.openapi

    @cache
    def openapi() -> dict[str, Any]:
        document = cold()
        for operation in (one for path in document["paths"].values() for one in path.values()):
            _as_it_is(operation)
        schemas, components = msgspec.json.schema_components(
            [kind for _, kind in PATHS.values()], ref_template=_REF
        )
        for (path, (summary, _)), schema in zip(PATHS.items(), schemas, strict=True):
            document["paths"][path] = {"post": _operation(path, summary, schema)}
        parts = document.setdefault("components", {})
        ours = parts.setdefault("schemas", {})
        ours.update(components)
        ours |= {"Error": _ERROR}
        for name in _THEIRS:
            ours.pop(name, None)
        parts["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
        }
        document["security"] = [{"bearer": []}, {"key": []}]
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it


def _as_it_is(operation: dict[str, Any]) -> None:
    """Without FastAPI's 422, which nobody is ever answered; whoever is asked for no key says so."""
    answers = operation["responses"]
    public = "health" in operation["tags"]
    if public:
        operation["security"] = []
    else:
        answers.setdefault("401", {"description": _STATUSES["401"]})
    if answers.pop("422", None):
        answers.setdefault("400", {"description": "What is asked for makes no sense; `param` names it."})
    for status, answer in answers.items():
        if status >= "400" and not public:
            answer["content"] = {"application/json": {"schema": {"$ref": _REF.format(name="Error")}}}


def _operation(path: str, summary: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "tags": ["chat"],
        "summary": summary,
        "operationId": "post" + path.replace("/", "_"),
        "parameters": [
            {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}
            for name, text in _HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {status: {"description": text} for status, text in _STATUSES.items()},
    }
