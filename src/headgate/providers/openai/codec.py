"""The dialect's upstream end: OpenAI and every server that is compatible with it."""

from __future__ import annotations

from headgate.core.call import Operation
from headgate.core.chat import Chat
from headgate.core.embeddings import Embeddings
from headgate.core.errors import UpstreamError
from headgate.core.standing import Standing
from headgate.ports.codec import Decoder, Header
from headgate.ports.transport import Outgoing
from headgate.providers.openai import errors, request
from headgate.providers.openai.reply import DocumentDecoder, EmbeddingsDecoder, StreamDecoder
from headgate.providers.spec import Rules
from headgate.providers.standing import of_openai

DIALECT = "openai"


class OpenAICodec:
    """How to ask an OpenAI-compatible upstream and read its answer (`ports.codec.Codec`).

    `rules` are the provider's. Beyond the dialect's own parameters they may speak of `top_k` (a `rename`
    entry for it means that the provider takes it) and of `reasoning_content`, the member of an assistant
    message that carries earlier thoughts (in `refuse`: they are left out).
    """

    dialect = DIALECT

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def encode(self, asked: Chat | Embeddings, *, model: str, stream: bool) -> Outgoing:
        return request.encode(asked, self._rules, model=model, stream=stream)

    def decoder(self, operation: Operation, *, stream: bool) -> Decoder:
        """A completion's answer is read as a chat's; its log probabilities, of another shape, are not."""
        if operation is Operation.EMBEDDINGS:
            return EmbeddingsDecoder()
        return StreamDecoder() if stream else DocumentDecoder()

    def refusal(self, status: int, header: Header, body: bytes, wall: float) -> UpstreamError:
        return errors.refusal(status, header, body, wall)

    def standing(self, header: Header, wall: float) -> Standing | None:
        return of_openai(header, wall)
