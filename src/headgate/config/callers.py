"""Keys that others show to us."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from headgate.config.kinds import Count, Name, NameOrEmpty, OneOrMore, SecretText
from headgate.config.section import Section, by


class Key(Section):
    """A key that callers show."""

    name: Name = Field(description="What it is called in logs and metrics.")
    key: SecretText = Field(description="The key itself; kept as a hash.")
    tenant: NameOrEmpty = Field(
        default="", description="Whose it is.", json_schema_extra=by("the key's name")
    )
    tier: NameOrEmpty = Field(
        default="", description="What was promised to it: one of `tiers`.", json_schema_extra=by("none")
    )
    rpm: Count | None = Field(
        default=None,
        description="Requests it may make in any 60 seconds.",
        json_schema_extra=by("no limit"),
    )
    tpm: Count | None = Field(
        default=None,
        description="Tokens it may use in any 60 seconds, questions and answers together.",
        json_schema_extra=by("no limit"),
    )
    models: Annotated[tuple[Name, ...], OneOrMore] | None = Field(
        default=None, description="Models and routes it may use.", json_schema_extra=by("all")
    )
    regions: Annotated[tuple[Name, ...], OneOrMore] | None = Field(
        default=None,
        description="Regions of providers that may serve it.",
        json_schema_extra=by("all"),
    )
    privacy: Literal["standard", "no_content", "local_only"] = Field(
        default="standard",
        description="`no_content`: nothing it says is kept; `local_only`: nor does it leave the house.",
    )


class AdminKey(Section):
    """A key to `/admin`."""

    name: Name = Field(description="What it is called in the audit log.")
    key: SecretText = Field(description="The key itself; kept as a hash.")
    scope: Literal["read", "operate", "own"] = Field(
        default="read",
        description="`read` looks, `operate` also makes and revokes what callers use, `own` may all.",
    )
