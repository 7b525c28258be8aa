"""The text of `docs/configuration.md`, written from the schema.

`python -m headgate.config.page > docs/configuration.md` renews the page.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from headgate.config.environment import DEFAULTS
from headgate.config.load import schema
from headgate.config.tree import Settings
from headgate.config.validate import LATER
from headgate.providers.catalog import ROWS

Json = Mapping[str, Any]

_LATER = {section.__name__: sorted(names) for section, names in LATER.items()}

_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "`true` or `false`",
    "object": "text by name",
}

_INTRODUCTION = """\
# Configuration

<!-- Written by `python -m headgate.config.page`; edit the descriptions in `src/headgate/config/`. -->

One YAML file: `headgate serve --config headgate.yaml`. `headgate check` tells every problem with its line,
`headgate check --schema` prints the JSON Schema for editors.
[`examples/headgate.yaml`](../examples/headgate.yaml) is a file to begin with. Without a file the gateway
serves [what it finds](#without-a-file).

A key that is not on this page is an error, never ignored. Durations are numbers in the unit of the name
(`_s` is seconds).

## Values from elsewhere

| written | becomes |
|---|---|
| `${NAME}` | the environment variable; an error if it is not set |
| `${NAME:-default}` | the same; the default if it is not set, or empty |
| `${file:/run/secrets/x}` | the file's text without its last line break; a relative path begins here |
| `$${` | `${` itself |

They stand in values, not in keys, and are read once: what a variable holds is text, never more YAML. Between
braces or brackets (`{a: "${NAME}"}`) they need quotes.
"""

_DISCOVERY = """\
## Without a file

Every provider whose key is in the environment serves the models below under their own names, and so does
Ollama if it answers on `OLLAMA_HOST` or port 11434 of this machine: `OLLAMA_MODEL` first, then the others it
has. The route `auto` asks the first model of each in this order; each provider is a route too, under the last
of its names. With none found the simulated provider serves, and says so.

Callers must show `HEADGATE_API_KEY` if it is set. If it is not, they need no key, and the gateway listens to
this machine alone.
"""


def page() -> str:
    """The whole page."""
    root = schema()
    root = {**root, "title": Settings.__name__}
    return "\n".join([_INTRODUCTION, *_sections(root), *_environment(), _DISCOVERY, *_providers(), *_rules()])


def _sections(root: Json) -> Iterator[str]:
    yield "## Sections\n"
    yield from _table(root, root, "")
    for name, field in root["properties"].items():
        yield from _section(root, field, name)


def _section(root: Json, field: Json, path: str) -> Iterator[str]:
    """The heading and table of what stands at `path`, then those of what is below it."""
    found = _below(root, field, path)
    if found is None:
        return
    section, path = found
    yield f"### `{path}`\n\n{section['description']}\n"
    yield from _table(root, section, path)
    for name, inner in section["properties"].items():
        yield from _section(root, inner, f"{path}.{name}")
    if isinstance(named := section.get("additionalProperties"), dict):
        yield from _section(root, named, f"{path}.NAME")


def _below(root: Json, field: Json, path: str) -> tuple[Json, str] | None:
    """The section a field holds, by itself, in a list or by name, and how its path is written."""
    for part in (field, *field.get("anyOf", ())):
        if "$ref" in part:
            section = root["$defs"][part["$ref"].rpartition("/")[2]]
            return next(
                option for option in (section, *section.get("anyOf", ())) if "properties" in option
            ), path
        if isinstance(part.get("items"), dict) and (found := _below(root, part["items"], f"{path}[]")):
            return found
        if isinstance(part.get("additionalProperties"), dict):
            return _below(root, part["additionalProperties"], f"{path}.NAME")
    return None


def _table(root: Json, section: Json, path: str) -> Iterator[str]:
    required = section.get("required", ())
    yield "| key | type | default | meaning |\n|---|---|---|---|"
    for name, field in section["properties"].items():
        default = "**required**" if name in required else _default(field)
        kind = _kind(root, field) + _unit(name, path)
        yield f"| `{name}` | {kind} | {default} | {_meaning(root, field)} |"
    later = _LATER.get(str(section["title"]), ())
    if later:
        names = ", ".join(f"`{name}`" for name in later)
        yield f"\nNot available in this version, and an error that says so: {names}."
    yield ""


def _meaning(root: Json, field: Json) -> str:
    """A field's description; where it is missing, it is its section's own."""
    found = _below(root, field, "")
    return str(field.get("description") or (found[0]["description"] if found else ""))


def _kind(root: Json, field: Json) -> str:
    """A field's type for people."""
    if found := _below(root, field, ""):
        return {"": "section", ".NAME": "sections by name", "[]": "list of sections"}[found[1]]
    options = [option for option in field.get("anyOf", (field,)) if option.get("type") != "null"]
    return " or ".join(_simple(option) for option in options)


_WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}


def _simple(field: Json) -> str:
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if field["type"] == "array":
        return f"list of {_simple(field.get('items') or field['prefixItems'][0])}"
    if field["type"] == "object":
        inside = field.get("additionalProperties")
        return f"{_simple(inside) if isinstance(inside, dict) else 'text'} by name"
    return _TYPES[field["type"]] + _range(field)


def _range(field: Json) -> str:
    low, high = field.get("minimum"), field.get("maximum")
    if "exclusiveMinimum" in field:
        return f" over {field['exclusiveMinimum']}"
    if low is None:
        return ""
    return f" from {low}" + (f" to {high}" if high is not None and high <= 65_535 else "")


def _unit(name: str, path: str) -> str:
    if path.endswith(".price"):
        return ", USD per million tokens"
    return ", seconds" if name.endswith("_s") and not name.startswith("tokens_per") else ""


def _default(field: Json) -> str:
    if "x-default" in field:
        return str(field["x-default"])
    value = field.get("default")
    if isinstance(value, dict | list) or value in (None, "") or "$ref" in field:
        return "see below" if value else "none"
    if isinstance(value, bool):
        return f"`{value}`".lower()
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _environment() -> Iterator[str]:
    yield "## Environment variables\n"
    yield "Each takes the place of a default; what the file says itself wins over it.\n"
    yield "| variable | stands for |\n|---|---|"
    for variable, (section, key) in DEFAULTS.items():
        yield f"| `{variable}` | `{section}.{key}` |"
    yield "| `OLLAMA_HOST` | `base_url` of a provider of dialect `ollama` |"
    yield "| `OLLAMA_TIMEOUT` | its `timeouts.first_byte_s` and `timeouts.total_s` |"
    yield "| a provider's, [below](#providers) | `keys` of that provider, at its own address only |\n"


def _providers() -> Iterator[str]:
    yield "## Providers\n"
    yield "What follows from a provider's name, where the file does not say otherwise.\n"
    yield "| name | dialect | address | key from | models without a file |\n|---|---|---|---|---|"
    for row in ROWS:
        name = f"`{row.name}`" + (f" or `{row.alias}`" if row.alias else "")
        keys, models = (
            " or ".join(f"`{text}`" for text in row.env),
            ", ".join(f"`{text}`" for text in row.models),
        )
        title = f"[{row.title}]({row.docs})" if row.base_url else row.title
        address = f"`{row.base_url}`" if row.base_url else "in the gateway"
        yield f"| {name}: {title} | `{row.dialect}` | {address} | {keys or 'none'} | {models or 'none'} |"
    yield ""


def _span(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _rules() -> Iterator[str]:
    yield "What these providers do not take is refused by name, unless `drop` says to leave it out.\n"
    yield "| name | parameters by another name | parameters it does not take |\n|---|---|---|"
    for row in ROWS:
        renamed = [f"`{ours}` as `{theirs}`" for ours, theirs in row.rules.rename.items() if ours != theirs]
        limits = [f"`{name}` other than {_span(*bounds)}" for name, bounds in row.rules.ranges.items()]
        refused = [f"`{name}`" for name in sorted(row.rules.refuse)] + limits
        if renamed or refused:
            yield f"| `{row.name}` | {', '.join(renamed) or 'none'} | {', '.join(refused) or 'none'} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(page())
