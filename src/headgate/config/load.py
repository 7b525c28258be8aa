"""A configuration file as `Settings`. The only module that reads the process's environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from headgate.config.check import ConfigError, Problem
from headgate.config.document import MAX_CHARS, Document
from headgate.config.environment import References, Unresolved
from headgate.config.tree import Settings
from headgate.config.validate import settings

MAX_SECRET_BYTES = 65_536


def load(path: str | os.PathLike[str], environ: Mapping[str, str] = os.environ) -> Settings:
    """Reads, expands, checks and types the YAML file at `path`.

    Raises:
        ConfigError: with every problem of the file at once, each with its line.
    """
    file = Path(path)
    try:
        return parse(text_of(file), environ, folder=file.parent)
    except ConfigError as error:
        problems = [msgspec.structs.replace(problem, file=os.fspath(path)) for problem in error.problems]
    raise ConfigError(problems)


def parse(text: str, environ: Mapping[str, str] = os.environ, *, folder: Path = Path()) -> Settings:
    """The same for a text; `${file:…}` without a leading `/` begins at `folder`."""
    document = Document(text, References(environ, lambda name: secret_file(folder, name)))
    return settings(document.data, environ=environ, document=document)


def process_environment() -> Mapping[str, str]:
    """The environment of this process, for `discover` and the command line."""
    return os.environ


def schema() -> dict[str, Any]:
    """The JSON Schema of a configuration file, for editors. It has no `${…}` in the place of a number."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Settings.model_json_schema(mode="validation"),
        "title": "Headgate configuration",
    }


def text_of(file: Path) -> str:
    """The file's text. Raises `ConfigError`."""
    content = b""
    try:
        with file.open("rb") as stream:
            content = stream.read(4 * MAX_CHARS + 1)
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problem = Problem(path="", message="not UTF-8 text", line=line, column=1)
    except OSError as error:
        problem = Problem(path="", message=f"cannot be read: {error.strerror or 'unknown reason'}")
    except ValueError:
        problem = Problem(path="", message="cannot be read: not a file's name")
    raise ConfigError([problem])


def secret_file(folder: Path, name: str) -> str:
    """A secret's file without its last line break. Raises `Unresolved`, which shows the name alone."""
    try:
        file = folder / name
        if not file.is_file():
            raise Unresolved("the file that '${file:…}' names is not there")
        with file.open("rb") as stream:
            content = stream.read(MAX_SECRET_BYTES + 1)
        text = content.decode()
    except OSError as error:
        raise Unresolved(f"the file that '${{file:…}}' names cannot be read: {error.strerror}") from None
    except ValueError:
        raise Unresolved("the file that '${file:…}' names does not hold UTF-8 text") from None
    if len(content) > MAX_SECRET_BYTES:
        raise Unresolved("the file that '${file:…}' names is larger than any secret")
    return text.removesuffix("\n").removesuffix("\r")
