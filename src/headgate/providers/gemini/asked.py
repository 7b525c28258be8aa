"""What a Gemini request looks like on the wire, strictly: the server's end.

Only camelCase names are known. A `parameters` schema is taken as it is, upper-case type names included.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from headgate.providers.gemini.models import EFFORTS


class Asked(msgspec.Struct, kw_only=True, rename="camel"):
    """Unknown members are no error: they go to the hub's `extra`."""


class Blob(Asked):
    mime_type: str
    data: str


class FileData(Asked):
    file_uri: str
    mime_type: str | None = None


class FunctionCall(Asked):
    name: str
    id: str | None = None
    args: dict[str, Any] | None = None


class Attachment(Asked):
    inline_data: Blob


class FunctionResponse(Asked):
    name: str
    response: dict[str, Any]
    id: str | None = None
    parts: list[Attachment] = []


class Part(Asked):
    """Exactly one of them; a signature may stand alone."""

    text: str | None = None
    thought: bool = False
    thought_signature: str | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None

    def __post_init__(self) -> None:
        kinds = (self.text, self.inline_data, self.file_data, self.function_call, self.function_response)
        said = sum(kind is not None for kind in kinds)
        if said > 1 or (said == 0 and self.thought_signature is None):
            raise ValueError("A part is one of text, inlineData, fileData, functionCall and functionResponse")


class Content(Asked):
    parts: list[Part] = []
    role: Literal["user", "model", "function"] = "user"


class TextPart(Asked):
    text: str


class Instruction(Asked):
    parts: list[TextPart]


class FunctionDeclaration(Asked):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    parameters_json_schema: dict[str, Any] | None = None


class Tool(Asked):
    function_declarations: list[FunctionDeclaration] = []


class FunctionCallingConfig(Asked):
    mode: Literal["AUTO", "ANY", "NONE", "VALIDATED", "MODE_UNSPECIFIED"] = "AUTO"
    allowed_function_names: list[str] = []


class ToolConfig(Asked):
    function_calling_config: FunctionCallingConfig | None = None


class ThinkingConfig(Asked):
    include_thoughts: bool | None = None
    thinking_budget: int | None = None
    thinking_level: str | None = None

    def __post_init__(self) -> None:
        if self.thinking_level is not None and self.thinking_level.upper() not in EFFORTS:
            raise ValueError(f"A thinkingLevel is one of {', '.join(EFFORTS)}")


class GenerationConfig(Asked):
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: Annotated[list[str], msgspec.Meta(max_length=5)] = []
    seed: int | None = None
    candidate_count: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    response_logprobs: bool | None = None
    logprobs: int | None = None
    response_mime_type: str | None = None
    response_schema: dict[str, Any] | None = None
    response_json_schema: dict[str, Any] | None = None
    thinking_config: ThinkingConfig | None = None


class Generate(Asked):
    contents: Annotated[list[Content], msgspec.Meta(min_length=1)]
    system_instruction: Instruction | None = None
    tools: list[Tool] = []
    tool_config: ToolConfig | None = None
    generation_config: GenerationConfig = msgspec.field(default_factory=GenerationConfig)


class Embed(Asked):
    content: Instruction
    output_dimensionality: int | None = None


class EmbedAll(Asked):
    requests: Annotated[list[Embed], msgspec.Meta(min_length=1)]
