"""The OpenAI dialect, from both ends."""

from headgate.providers.openai.batching import TextBatching
from headgate.providers.openai.codec import OpenAICodec
from headgate.providers.openai.numbered import NumberedBatching
from headgate.providers.openai.surface import OpenAISurface

__all__ = ["NumberedBatching", "OpenAICodec", "OpenAISurface", "TextBatching"]
