"""Plain data in, `Settings` out, or everything that is wrong with it at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args, get_type_hints

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from headgate.config import cross_routing
from headgate.config.capacity import Store
from headgate.config.check import ConfigError, Path, Problem, dotted, quoted
from headgate.config.cross import Finding, findings, nearest
from headgate.config.document import Document
from headgate.config.environment import apply_defaults
from headgate.config.fill import fill
from headgate.config.section import Section
from headgate.config.tree import Server, Settings

S = TypeVar("S", bound=Section)

LATER: Mapping[type[Section], frozenset[str]] = {
    Settings: frozenset({"health"}),
    Store: frozenset({"queue"}),
}
"""Keys whose place is taken but which do nothing yet. Accepting them would be ignoring them."""

_SECTION = "must be a section of keys and values"
_WHOLE = "must be a whole number"
_NUMBER = "must be a number"
_LIST = "must be a list"
_MESSAGES: Mapping[str, str] = {
    "missing": "is missing",
    "literal_error": "must be one of {expected}",
    "string_type": "must be text",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "decimal_type": _NUMBER,
    "decimal_parsing": _NUMBER,
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "tuple_type": _LIST,
    "list_type": _LIST,
    "frozen_set_type": _LIST,
    "too_short": "needs at least one entry",
    "dict_type": _SECTION,
    "mapping_type": _SECTION,
    "model_type": _SECTION,
    "headgate": "{message}",
}
"""Our words for pydantic's kinds of error: its own may quote the value."""


def settings(raw: object, *, environ: Mapping[str, str], document: Document | None = None) -> Settings:
    """Fills `raw` (changed in place) from names and `environ`, checks it and gives it its types.

    `document` is where `raw` was read from: its problems are told too, and its places.

    Raises:
        ConfigError: with every problem.
    """
    result, found, origins = judged(raw, environ)
    told = list(problems(found, origins, document))
    if told or result is None:
        raise ConfigError(told)
    return result


def judged(raw: object, environ: Mapping[str, str]) -> tuple[Settings | None, list[Finding], dict[Path, str]]:
    """The settings, if their types are right; what is wrong; which variable what was filled in came from."""
    if raw is None:
        raw = {}
    if not isinstance(raw, dict):
        return None, [Finding((), f"the configuration {_SECTION}")], {}
    origins = apply_defaults(raw, environ) | fill(raw, environ)
    result, found = typed(Settings, raw)
    return result, [*found, *findings(raw), *cross_routing.findings(raw)], origins


def overridden(base: Settings, **server: object) -> Settings:
    """The settings with keys of `server` replaced (those that are not `None`), checked again.

    Raises:
        ConfigError: for instance where `auth: off` would now be open to the network.
    """
    changes = {key: value for key, value in server.items() if value is not None}
    try:
        return base.model_copy(update={"server": Server.model_validate({**dict(base.server), **changes})})
    except ValidationError as error:
        found = [_finding(detail, "server") for detail in _details(error)]
    raise ConfigError(problems(found, {}, None))


def typed(kind: type[S], raw: dict[str, Any]) -> tuple[S | None, list[Finding]]:
    """A whole tree of that kind, or what is wrong with the types of its values."""
    try:
        return kind.model_validate(raw), []
    except ValidationError as error:
        return None, [_finding(detail, root=kind) for detail in _details(error)]


def _details(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_input=False)


def _finding(detail: ErrorDetails, *above: str, root: type[Section] = Settings) -> Finding:
    context = detail.get("ctx", {})
    path: Path = (*above, *(step for step in detail["loc"] if step != "[key]"))
    if at := context.get("at"):
        path = (*path, at)
    if detail["type"] == "extra_forbidden":
        return _unknown(path, root)
    return Finding(path, _MESSAGES.get(detail["type"], "is not valid").format(**context))


def _unknown(path: Path, root: type[Section]) -> Finding:
    name, section = str(path[-1]), section_at(path[:-1], root)
    if section is None:
        return Finding(path, "unknown key")
    if name in LATER.get(section, ()):
        return Finding(path, f"{quoted(name)} is not available in this version")
    return Finding(path, "unknown key", nearest(name, section.model_fields.keys()))


def section_at(path: Path, root: type[Section] = Settings) -> type[Section] | None:
    """The section of the tree that stands at `path`."""
    kind: Any = root
    for step in path:
        if isinstance(kind, type) and issubclass(kind, Section):
            field = kind.model_fields.get(str(step))
            kind = field.annotation if field else _named_by_operators(kind)
        else:
            kind = _inside(kind)
    return _section(kind)


def _named_by_operators(kind: type[Section]) -> Any:
    """What stands under a key that the section leaves to operators to name."""
    extra = get_type_hints(kind).get("__pydantic_extra__")
    return _inside(extra) if kind.model_config.get("extra") == "allow" else None


def _inside(kind: Any) -> Any:
    """What a mapping or a list holds."""
    return next((part for part in reversed(get_args(kind)) if part is not Ellipsis), None)


def _section(kind: Any) -> type[Section] | None:
    """A section, also where it may be left out."""
    for part in (kind, *get_args(kind)):
        if isinstance(part, type) and issubclass(part, Section):
            return part
    return None


def problems(
    found: list[Finding], origins: Mapping[Path, str], document: Document | None
) -> Iterator[Problem]:
    """The document's own problems, then the findings that do not merely follow from those."""
    broken = document.broken if document else set()
    yield from document.problems if document else ()
    for path, message, hint in dict.fromkeys(found):
        if any(path[:length] in broken for length in range(len(path) + 1)):
            continue
        if path in origins:
            hint = f"it comes from the environment variable {origins[path]}"
        is_about_key = message == "unknown key" or message.endswith("in this version")
        line, column = document.place(path, key=is_about_key) if document else (0, 0)
        yield Problem(path=dotted(path), message=message, hint=hint, line=line, column=column)
