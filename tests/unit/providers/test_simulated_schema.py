"""Values that fit a schema: pydantic is the judge."""

from __future__ import annotations

import json
from datetime import date, datetime
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from headgate.providers.simulated.schema import MAX_VALUES, fit


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Step(BaseModel):
    explanation: Annotated[str, Field(min_length=30)]
    output: Annotated[str, Field(max_length=3)]


class Tree(BaseModel):
    name: str
    children: list[Tree]
    parent: Tree | None


class Everything(BaseModel):
    steps: Annotated[list[Step], Field(min_length=2, max_length=3)]
    colour: Colour
    kind: Literal["a"]
    either: int | str
    maybe: float | None
    count: Annotated[int, Field(ge=5, le=7)]
    small: Annotated[int, Field(lt=-3)]
    ratio: Annotated[float, Field(gt=0.1, lt=0.2)]
    big: Annotated[float, Field(ge=1000)]
    low: Annotated[float, Field(lt=-1)]
    day: date
    at: datetime
    id: UUID
    pair: tuple[int, str]
    flag: bool
    none: None
    table: dict[str, int]
    tree: Tree
    optional: str = "x"


@pytest.mark.parametrize("model", [Everything, Step, Tree])
def test_what_is_made_validates(model: type[BaseModel]) -> None:
    made = fit(model.model_json_schema(), subject="bridges")
    model.model_validate_json(json.dumps(made))


def test_free_strings_say_the_subject() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    assert fit(schema, subject="Paris") == {"city": "Paris"}


def test_the_parts_of_all_of_are_folded_together() -> None:
    schema = {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "integer"}}},
            {"properties": {"b": {"const": "two"}}},
        ]
    }
    assert fit(schema, subject="") == {"a": 1, "b": "two"}


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}, {"$ref": "#"}]},
        {"anyOf": [{"$ref": "#"}]},
        {"type": "array", "items": {"$ref": "#"}, "minItems": 3},
        {"type": "object", "properties": {n: {"$ref": "#"} for n in "abcdef"}, "required": list("abcdef")},
        {"type": "array", "minItems": 10**12},
        {"type": "string", "minLength": 10**12},
    ],
)
def test_a_schema_without_an_end_is_cut_short(schema: dict[str, Any]) -> None:
    assert len(json.dumps(fit(schema, subject="x"))) < 100 * MAX_VALUES


words = st.sampled_from(
    [
        "type", "properties", "items", "required", "enum", "anyOf", "oneOf", "allOf", "minimum", "maximum",
        "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems", "minLength", "maxLength", "format",
        "$ref", "prefixItems", "const",
    ]
)  # fmt: skip
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
leaves |= st.sampled_from(["object", "array", "integer", "number", "string", "#", "#/properties"])
junk = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(words, junk, max_size=5))
def test_any_json_may_come_as_a_schema(schema: dict[str, Any]) -> None:
    fit(schema, subject="x")
