"""What every part of the settings tree has in common."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from headgate.config.kinds import nothing_is_empty

EmptyIsNone = BeforeValidator(nothing_is_empty)


def by(text: str) -> dict[str, Any]:
    """Says on the configuration page what a default that is not one value is."""
    return {"x-default": text}


class Section(BaseModel):
    """A part of the tree: frozen, and a stranger to keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=False)

    @model_validator(mode="before")
    @classmethod
    def _named_and_left_empty(cls, value: object) -> object:
        return nothing_is_empty(value)
