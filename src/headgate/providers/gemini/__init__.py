"""The Gemini dialect (ai.google.dev/api/generate-content, v1beta), from both ends."""

from headgate.providers.gemini.codec import GeminiCodec
from headgate.providers.gemini.surface import GeminiPayload, GeminiSurface

__all__ = ["GeminiCodec", "GeminiPayload", "GeminiSurface"]
