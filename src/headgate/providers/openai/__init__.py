"""The OpenAI dialect, from both ends."""

from headgate.providers.openai.batching import EmbeddingsBatching
from headgate.providers.openai.codec import OpenAICodec
from headgate.providers.openai.surface import OpenAISurface

__all__ = ["EmbeddingsBatching", "OpenAICodec", "OpenAISurface"]
