"""The Anthropic dialect, both ends: the Messages API (platform.claude.com/docs/en/api/messages)."""

from headgate.providers.anthropic.codec import AnthropicCodec
from headgate.providers.anthropic.surface import AnthropicSurface

__all__ = ["AnthropicCodec", "AnthropicSurface"]
