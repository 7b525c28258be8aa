"""The pages, and parts of pages, that are written from the code. `make docs` renews them; a house test
compares. A part stands between `<!-- from the code: NAME -->` and `<!-- until here -->`."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from headgate.adapters.prometheus import COUNTERS, GAUGES, HISTOGRAMS
from headgate.config import page as tables
from headgate.config.scenario import Scenario
from headgate.core import errors as e
from headgate.core.chat import Chat, Message, Reasoning, ResponseFormat, Role, Text, Tool, ToolChoice
from headgate.pipeline.meter import outcome_of
from headgate.ports.codec import Codec
from headgate.providers.anthropic import AnthropicCodec, AnthropicSurface
from headgate.providers.gemini import GeminiCodec
from headgate.providers.ollama import OllamaCodec
from headgate.providers.openai import OpenAICodec, OpenAISurface
from headgate.providers.simulated import FAULTS
from headgate.providers.spec import STANDARD
from headgate.server.errors import status_of

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
SOURCE = ROOT / "src" / "headgate"

_PART = re.compile(r"(<!-- from the code: (\w+) -->\n).*?(<!-- until here -->)", re.DOTALL)
_WEAKNESS = re.compile(r"Known weakness(?:es)?: (.+?)(?=\n\n|\Z)", re.DOTALL)


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def code(text: str) -> str:
    return f"`{text}`"


# ── weaknesses ───────────────────────────────────────────────────────────────────────────────────


def docstrings(path: Path) -> Iterator[str]:
    """Those of the module and of everything in it."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def confessed(path: Path) -> list[str]:
    """The known weaknesses a module's docstrings own up to, each as one line."""
    return [" ".join(found.split()) for text in docstrings(path) for found in _WEAKNESS.findall(text)]


def weaknesses() -> str:
    lines: list[str] = []
    for storey in ("core", "pipeline", "providers", "adapters", "config", "server", "cli"):
        found = [
            f"- [`{path.relative_to(SOURCE)}`](../src/headgate/{path.relative_to(SOURCE)}): {weakness}\n"
            for path in sorted((SOURCE / storey).rglob("*.py"))
            for weakness in confessed(path)
        ]
        lines += [f"\n### `{storey}`\n\n", *found] if found else []
    return "".join(lines).lstrip("\n")


# ── parameters ───────────────────────────────────────────────────────────────────────────────────

_TOOLS = (Tool(name="weather", parameters={"type": "object"}),)
_SCHEMA = ResponseFormat(kind="json_schema", name="answer", schema={"type": "object"})

PARAMETERS: Mapping[str, dict[str, Any]] = {
    "max_tokens": {"max_tokens": 4096},
    "temperature": {"temperature": 0.5},
    "top_p": {"top_p": 0.9},
    "top_k": {"top_k": 40},
    "stop": {"stop": ("END",)},
    "seed": {"seed": 7},
    "n": {"n": 2},
    "presence_penalty": {"presence_penalty": 0.5},
    "frequency_penalty": {"frequency_penalty": 0.5},
    "logit_bias": {"logit_bias": {"50256": -100.0}},
    "logprobs": {"logprobs": True},
    "top_logprobs": {"logprobs": True, "top_logprobs": 2},
    "tools": {"tools": _TOOLS},
    "tools, `strict`": {"tools": (msgspec.structs.replace(_TOOLS[0], strict=True),)},
    "tool_choice: none": {"tools": _TOOLS, "tool_choice": ToolChoice(mode="none")},
    "tool_choice: required": {"tools": _TOOLS, "tool_choice": ToolChoice(mode="required")},
    "tool_choice: a tool": {"tools": _TOOLS, "tool_choice": ToolChoice(mode="tool", name="weather")},
    "parallel_tool_calls: false": {"tools": _TOOLS, "parallel_tool_calls": False},
    "response_format: json_object": {"response_format": ResponseFormat(kind="json_object")},
    "response_format: json_schema": {"response_format": _SCHEMA},
    "reasoning_effort": {"reasoning": Reasoning(effort="high")},
    "reasoning budget": {"reasoning": Reasoning(budget=4096)},
    "user": {"user": "ada"},
}
"""What is asked, by what callers call it; without companions (tools for a choice) it would mean nothing."""

UPSTREAMS: Mapping[str, tuple[Codec, str]] = {
    "OpenAI": (OpenAICodec(STANDARD), "gpt"),
    "Anthropic, Claude 4.6 and before": (AnthropicCodec(STANDARD), "claude-sonnet-4-5"),
    "Anthropic, Claude 4.7 and later": (AnthropicCodec(STANDARD), "claude-sonnet-4-7"),
    "Gemini": (GeminiCodec(STANDARD), "gemini-3-pro"),
    "Ollama": (OllamaCodec(STANDARD), "llama"),
}
_SECTIONS = frozenset(("generationConfig", "metadata", "options", "output_config"))
"""Objects of a body whose members are named one by one."""


def parameters() -> str:
    rows = (
        (_parameter(name), *(_cell(codec, model, asked) for codec, model in UPSTREAMS.values()))
        for name, asked in PARAMETERS.items()
    )
    return table(("asked", *UPSTREAMS), rows)


def _parameter(name: str) -> str:
    word, separator, rest = re.match(r"(\w+)([,: ]*)(.*)", name).groups()  # type: ignore[union-attr]  # all match
    return code(word) + separator + rest if separator.strip() != ":" else code(f"{word}: {rest}")


def _cell(codec: Codec, model: str, asked: dict[str, Any]) -> str:
    """What the parameter becomes: the last of `asked`; the others are there in the body compared with."""
    before = _body(codec, model, {name: asked[name] for name in [*asked][:-1]})
    if before is None:
        return "refused"
    after = _body(codec, model, asked)
    if after is None:
        return "refused"
    changed = list(dict.fromkeys(_changed(before, after)))
    return ", ".join(map(code, changed)) or ("tools left out" if "tools" in before else "left out")


def _body(codec: Codec, model: str, asked: dict[str, Any]) -> dict[str, Any] | None:
    messages = (Message(role=Role.USER, parts=(Text("Hello"),)),)
    try:
        sent = codec.encode(Chat(model=model, messages=messages, **asked), model=model, stream=False)
    except e.Unsupported:
        return None
    body: dict[str, Any] = msgspec.json.decode(sent.body)
    return body


def _changed(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    for name, value in after.items():
        known = before.get(name)
        if name in _SECTIONS and isinstance(value, dict):
            yield from (f"{name}.{inner}" for inner in _changed(known or {}, value))
        elif value != known:
            yield name


# ── errors ───────────────────────────────────────────────────────────────────────────────────────

SEEN: tuple[type[e.GatewayError], ...] = (
    e.InvalidRequest,
    e.Unsupported,
    e.Unauthenticated,
    e.Forbidden,
    e.UnknownModel,
    e.RequestTooLarge,
    e.UpstreamRejected,
    e.UpstreamThrottled,
    e.AllUpstreamsFailed,
    e.Overloaded,
    e.DeadlineExceeded,
    e.UpstreamInterrupted,
    e.InternalError,
)
"""What callers can meet; the others end up in `AllUpstreamsFailed`, or nothing raises them yet."""


def errors() -> str:
    return table(
        ("what", "status", "`type` / `code`, OpenAI", "`type`, Anthropic", "outcome"), map(_error, SEEN)
    )


def _error(kind: type[e.GatewayError]) -> tuple[str, ...]:
    error = kind("")
    what = " ".join((kind.__doc__ or "").split("\n\n")[0].split(";")[0].split()).rstrip(".")
    status = status_of(error)
    openai = msgspec.json.decode(OpenAISurface(lambda: 0.0, str).error(error, status, ""))["error"]
    anthropic = msgspec.json.decode(AnthropicSurface(str).error(error, status, ""))["error"]
    told = code(openai["type"]) + (f" / {code(openai['code'])}" if openai["code"] else "")
    shown = str(status)
    if kind is e.UpstreamRejected:
        shown, told = "the provider's", "the provider's"
    if kind is e.UpstreamInterrupted:
        shown = "in the stream"
    return what, shown, told, code(anthropic["type"]), code(str(outcome_of(error, gone=False)))


# ── metrics, faults ──────────────────────────────────────────────────────────────────────────────


def metrics() -> str:
    rows = (
        (code(f"headgate_{name}"), kind, ", ".join(map(code, labels)) or "none", text)
        for kind, found in (("counter", COUNTERS), ("histogram", HISTOGRAMS), ("gauge", GAUGES))
        for name, (text, labels) in found.items()
    )
    return table(("name", "kind", "labels", "meaning"), rows)


def faults() -> str:
    rows = (
        (
            code(name + (f":{effect.number}" if effect.number else "")),
            f"{effect.default:g}" if effect.number else "",
            effect.what,
        )
        for name, effect in FAULTS.items()
    )
    return table(("fault", "if left out", "what the client meets"), rows)


# ── scenarios ────────────────────────────────────────────────────────────────────────────────────


def scenario() -> str:
    """A table for each kind of section that a scenario has, beginning with the whole."""
    root = Scenario.model_json_schema(mode="validation")
    sections = {Scenario.__name__: root, **{name: root["$defs"][name] for name in SECTIONS}}
    assert set(root["$defs"]) == set(SECTIONS), "a section without a table"
    return "\n".join(
        f"### {title}\n\n{sections[name]['description']}\n\n"
        + "\n".join(tables._table(root, sections[name], ""))
        for name, title in {Scenario.__name__: "The whole", **SECTIONS}.items()
    )


SECTIONS = {
    "Callers": "`callers.NAME`",
    "Users": "`callers.NAME.users`",
    "Burst": "`callers.NAME.bursts`",
    "Repeating": "`callers.NAME.repeats`",
    "Drawn": "`think_s`, `prompt_tokens`, `answer_tokens`",
    "Lognormal": "`lognormal`",
    "Behaviour": "`providers.NAME`",
    "Trouble": "`faults[]`",
    "Change": "`changes[]`",
}


# ── pages ────────────────────────────────────────────────────────────────────────────────────────

PARTS: Mapping[str, Callable[[], str]] = {
    "weaknesses": weaknesses,
    "parameters": parameters,
    "errors": errors,
    "metrics": metrics,
    "faults": faults,
    "scenario": scenario,
}


def renewed(text: str) -> str:
    """A page with every part of it written anew. Raises `KeyError` for a part nobody writes."""
    return _PART.sub(lambda found: found[1] + PARTS[found[2]]() + found[3], text)


def written() -> dict[Path, list[str]]:
    """The pages with parts in them, and which those are."""
    pages = {page: [found[2] for found in _PART.finditer(page.read_text())] for page in DOCS.rglob("*.md")}
    return {page: parts for page, parts in pages.items() if parts}


def main() -> None:
    for page in written():
        before = page.read_text()
        after = renewed(before)
        if after != before:
            page.write_text(after)
            sys.stdout.write(f"{page.relative_to(ROOT)} renewed\n")


if __name__ == "__main__":
    main()
