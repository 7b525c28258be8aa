"""Ollama's own dialect (github.com/ollama/ollama, docs/api.md), from both ends."""

from headgate.providers.ollama.codec import OllamaCodec
from headgate.providers.ollama.surface import OllamaPayload, OllamaSurface

__all__ = ["OllamaCodec", "OllamaPayload", "OllamaSurface"]
