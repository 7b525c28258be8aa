"""The dialect's upstream end: `ports.codec.Codec` for the Messages API."""

from __future__ import annotations

from headgate.core.call import Operation
from headgate.core.chat import Chat
from headgate.core.embeddings import Embeddings
from headgate.core.errors import Unsupported, UpstreamError
from headgate.core.standing import Standing
from headgate.ports.codec import Decoder, Header
from headgate.ports.transport import Outgoing
from headgate.providers.anthropic.errors import refusal
from headgate.providers.anthropic.reply import DocumentDecoder, StreamDecoder
from headgate.providers.anthropic.request import DEFAULT_MAX_TOKENS, body_of
from headgate.providers.spec import STANDARD, Rules
from headgate.providers.standing import of_anthropic

DIALECT = "anthropic"
PATH = "/v1/messages"
HEADERS = {"anthropic-version": "2023-06-01"}
"""The one version the API has had (platform.claude.com/docs/en/api/versioning)."""


class AnthropicCodec:
    """Asks a server that speaks the Messages API, and reads its answers.

    `default_max_tokens` is sent where the caller named no limit: the API demands one.
    """

    dialect = DIALECT

    def __init__(self, rules: Rules = STANDARD, *, default_max_tokens: int = DEFAULT_MAX_TOKENS) -> None:
        self._rules = rules
        self._default_max_tokens = default_max_tokens

    def encode(self, asked: Chat | Embeddings, *, model: str, stream: bool) -> Outgoing:
        if isinstance(asked, Embeddings):
            raise _no_embeddings()
        body = body_of(
            asked, model=model, stream=stream, rules=self._rules, default_max_tokens=self._default_max_tokens
        )
        return Outgoing(PATH, body, HEADERS)

    def decoder(self, operation: Operation, *, stream: bool) -> Decoder:
        if operation is not Operation.CHAT:
            raise _no_embeddings()
        return StreamDecoder() if stream else DocumentDecoder()

    def refusal(self, status: int, header: Header, body: bytes, wall: float) -> UpstreamError:
        return refusal(status, header, body, wall)

    def standing(self, header: Header, wall: float) -> Standing | None:
        return of_anthropic(header, wall)


def _no_embeddings() -> Unsupported:
    return Unsupported("The upstream model only chats: it makes no embeddings.", param="model")
