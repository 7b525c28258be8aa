"""What a Gemini answer looks like on the wire, for reading and for writing.

Source: ai.google.dev/api/generate-content. Members that nobody here needs (safety ratings, grounding,
citations) are passed over in reading.
"""

from __future__ import annotations

import msgspec

DIALECT = "gemini"

EMPTY_ARGS = msgspec.Raw(b"{}")

Metadata = msgspec.Raw | msgspec.UnsetType
METADATA: Metadata = msgspec.field(name="x-routing-metadata", default=msgspec.UNSET)
"""The gateway's own member of an answer."""


class Wire(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """Members are camelCase there, and left out where they say nothing."""


class FunctionCall(Wire):
    name: str = ""
    id: str | None = None
    args: msgspec.Raw = EMPTY_ARGS


class Opaque(Wire):
    """A part whose kind counts and whose content does not."""

    mime_type: str | None = None


class Part(Wire):
    text: str | None = None
    thought: bool = False
    thought_signature: str | None = None
    function_call: FunctionCall | None = None
    inline_data: Opaque | None = None
    file_data: Opaque | None = None
    executable_code: Opaque | None = None
    code_execution_result: Opaque | None = None

    def foreign(self) -> str | None:
        """The kind of this part, where the hub has no word for it."""
        kinds = ("inline_data", "file_data", "executable_code", "code_execution_result")
        return next((kind for kind in kinds if getattr(self, kind) is not None), None)


class Content(Wire):
    parts: list[Part] = []
    role: str | None = None


class TokenLogprob(Wire):
    token: str = ""
    log_probability: float = 0.0


class TopCandidates(Wire):
    candidates: list[TokenLogprob] = []


class LogprobsResult(Wire):
    chosen_candidates: list[TokenLogprob] = []
    top_candidates: list[TopCandidates] = []


class Candidate(Wire):
    content: Content | None = None
    finish_reason: str | None = None
    finish_message: str | None = None
    index: int = 0
    logprobs_result: LogprobsResult | None = None


class PromptFeedback(Wire):
    block_reason: str | None = None


class UsageMetadata(Wire):
    """Tokens. The prompt's count includes the cached ones; the candidates' count excludes the thoughts'."""

    prompt_token_count: int = 0
    cached_content_token_count: int = 0
    candidates_token_count: int = 0
    thoughts_token_count: int = 0
    tool_use_prompt_token_count: int = 0
    total_token_count: int | None = None


class Violation(Wire):
    """Of a quota (`quotaId`, such as GenerateRequestsPerDayPerProjectPerModel-FreeTier) or of a field."""

    quota_id: str = ""
    field: str = ""
    description: str = ""


class Detail(Wire):
    """One of google.rpc's error details, whichever it is (googleapis' error_details.proto)."""

    kind: str = msgspec.field(name="@type", default="")
    reason: str = ""
    retry_delay: str = ""
    violations: list[Violation] = []
    field_violations: list[Violation] = []
    request_id: str = ""


class Fault(Wire):
    code: int | None = None
    message: str = ""
    status: str | None = None
    details: list[Detail] = []


class Refused(Wire):
    error: Fault


class Chunk(Wire):
    """One event of a stream, or a whole document: they have the same shape."""

    candidates: list[Candidate] = []
    prompt_feedback: PromptFeedback | None = None
    usage_metadata: UsageMetadata | None = None
    model_version: str | None = None
    response_id: str | None = None
    error: Fault | None = None
    metadata: Metadata = METADATA


class Vector(Wire):
    values: tuple[float, ...]


class Vectors(Wire):
    """The answer of `batchEmbedContents`; `embedding` instead, from `embedContent`."""

    embeddings: list[Vector] | None = None
    embedding: Vector | None = None
    usage_metadata: UsageMetadata | None = None
    metadata: Metadata = METADATA


CHUNK = msgspec.json.Decoder(Chunk)
CHUNKS = msgspec.json.Decoder(list[Chunk])
VECTORS = msgspec.json.Decoder(Vectors)
REFUSED = msgspec.json.Decoder(Refused)
REFUSALS = msgspec.json.Decoder(list[Refused])
