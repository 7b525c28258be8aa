"""Values that fit a JSON Schema, for structured output and the arguments of tool calls.

Covers what providers accept in strict mode (types, enum, const, properties, items, anyOf, $ref, bounds,
the common formats) and oneOf, allOf, prefixItems and lengths besides. Any JSON may come as a schema:
what makes no sense in it is passed over. Known weakness: so are `pattern`, `not`, `if`, `multipleOf`.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, floor, inf, isfinite
from typing import Any

FULL_DEPTH = 6
"""Down to here optional members are filled and empty lists avoided; below, only what is required."""

MAX_DEPTH = 24
MAX_VALUES = 5000
"""Beyond either everything is null: such a schema has no finite value, or none worth sending."""

_FORMATS = {
    "date": "2025-01-31",
    "date-time": "2025-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "ada@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}

Schema = Mapping[str, Any]


class _Fitter:
    """Fills one schema. Strings say `subject`; `$ref` is looked up in the schema itself."""

    def __init__(self, schema: Schema, *, subject: str) -> None:
        self._root = schema
        self._subject = subject
        self._left = MAX_VALUES

    def fit(self, schema: object, depth: int) -> Any:
        self._left -= 1
        if depth > MAX_DEPTH or self._left < 0:
            return None
        if not isinstance(schema, Mapping):
            return self._subject
        schema = self._resolved(schema, 0)
        if "const" in schema:
            return schema["const"]
        if options := _list(schema, "enum"):
            return options[0]
        if options := _list(schema, "anyOf") or _list(schema, "oneOf"):
            return self.fit(_choice(options, depth), depth + 1)
        return self._typed(schema, depth)

    def _resolved(self, schema: Schema, depth: int) -> Schema:
        """Follows `$ref` and folds `allOf` in."""
        if depth > FULL_DEPTH:
            return {}
        if isinstance(reference := schema.get("$ref"), str):
            return self._resolved(self._target(reference), depth + 1)
        merged = schema
        for part in _list(schema, "allOf"):
            if isinstance(part, Mapping):
                merged = _merged(merged, self._resolved(part, depth + 1))
        return merged

    def _target(self, reference: str) -> Schema:
        target: Any = self._root
        for step in reference.removeprefix("#").split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~")
            target = target.get(step) if isinstance(target, Mapping) else None
        return target if isinstance(target, Mapping) else {}

    def _typed(self, schema: Schema, depth: int) -> Any:
        kind = _kind(schema)
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "integer" | "number":
                return _number(schema, whole=kind == "integer")
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return self._string(schema)

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties = schema.get("properties")
        if not isinstance(properties, Mapping):
            return {}
        required = _list(schema, "required")
        names = [name for name in properties if depth < FULL_DEPTH or name in required]
        return {name: self.fit(properties[name], depth + 1) for name in names}

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        first = [self.fit(item, depth + 1) for item in _list(schema, "prefixItems")]
        least = ceil(_bound(schema, "minItems", 0))
        wanted = max(least, 1) if depth < FULL_DEPTH else least
        count = max(0, min(wanted, _bound(schema, "maxItems", inf), MAX_VALUES))
        items = schema.get("items", {"type": "string"})
        return first + [self.fit(items, depth + 1) for _ in range(int(count) - len(first))]

    def _string(self, schema: Schema) -> str:
        text = _FORMATS.get(str(schema.get("format")), self._subject)
        text = text.ljust(int(max(0, min(_bound(schema, "minLength", 0), MAX_VALUES))), ".")
        return text[: int(max(0, min(_bound(schema, "maxLength", inf), MAX_VALUES)))]


def _list(schema: Schema, word: str) -> list[Any]:
    value = schema.get(word)
    return value if isinstance(value, list) else []


def _bound(schema: Schema, word: str, otherwise: float) -> float:
    value = schema.get(word)
    return value if isinstance(value, int | float) and value == value else otherwise


def _choice(options: list[Any], depth: int) -> object:
    """The first alternative that is not null; far down, null where it is allowed."""
    nulls = [option for option in options if option == {"type": "null"}]
    others = [option for option in options if option not in nulls]
    return (nulls + others if depth >= FULL_DEPTH else others + nulls)[0]


def _merged(one: Schema, other: Schema) -> Schema:
    properties = {
        name: value
        for schema in (one, other)
        if isinstance(found := schema.get("properties"), Mapping)
        for name, value in found.items()
    }
    required = _list(one, "required") + _list(other, "required")
    return {**one, **other} | ({"properties": properties, "required": required} if properties else {})


def _kind(schema: Schema) -> str:
    """The type asked for: the first but null where there are several; told by its words if none is named."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if isinstance(kind, str):
        return kind.lower()
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def _number(schema: Schema, *, whole: bool) -> float:
    """One if the bounds allow it, else a number between them."""
    least, most = _bound(schema, "minimum", -inf), _bound(schema, "maximum", inf)
    above, below = _bound(schema, "exclusiveMinimum", -inf), _bound(schema, "exclusiveMaximum", inf)
    if whole:
        lows = [ceil(x) for x in (least,) if isfinite(x)] + [floor(x) + 1 for x in (above,) if isfinite(x)]
        highs = [floor(x) for x in (most,) if isfinite(x)] + [ceil(x) - 1 for x in (below,) if isfinite(x)]
        return min([max([1, *lows]), *highs])
    low_end, high_end = max(least, above), min(most, below)
    if low_end < 1 < high_end:
        return 1
    if isfinite(low_end) and isfinite(high_end):
        return (low_end + high_end) / 2
    return low_end + 1 if isfinite(low_end) else high_end - 1


def fit(schema: Schema, *, subject: str) -> Any:
    """A value that fits `schema`; its free strings say `subject`."""
    return _Fitter(schema, subject=subject).fit(schema, 0)
