"""What an answer says, read back from the bytes a caller would get: for whoever judges answers.

Known weakness: an answer that was translated is decoded a second time.
"""

from __future__ import annotations

from headgate.core.call import Operation, Payload
from headgate.core.chat import RefusalDelta, TextDelta, ToolCallDelta, ToolCallStart
from headgate.core.errors import GatewayError
from headgate.ports.codec import Decoder
from headgate.providers.anthropic.codec import AnthropicCodec
from headgate.providers.openai.codec import OpenAICodec
from headgate.providers.spec import Rules

_CODECS = {codec.dialect: codec for codec in (OpenAICodec(Rules()), AnthropicCodec())}
"""By the dialect of the caller."""


def said(payload: Payload, answer: bytes) -> str | None:
    """The text of a whole answer; `None` where it is none: it calls tools, has several choices, or is of a
    dialect that nobody here reads."""
    codec = _CODECS.get(payload.dialect)
    if codec is None or payload.operation is Operation.EMBEDDINGS:
        return None
    return _text(codec.decoder(payload.operation, stream=payload.stream), answer)


def _text(decoder: Decoder, answer: bytes) -> str | None:
    try:
        events = [*decoder.feed(answer), *decoder.close()]
    except GatewayError:
        return None
    if any(isinstance(one, ToolCallStart | ToolCallDelta) for one in events):
        return None
    spoken = [one for one in events if isinstance(one, TextDelta | RefusalDelta)]
    if any(one.choice for one in spoken):
        return None
    return "".join(one.text for one in spoken)
