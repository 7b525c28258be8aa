"""What the environment says: `${…}` in a file, and the variables that set a default.

Takes the environment as a mapping; `load` is the one that reads it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from headgate.config.check import Path

DEFAULTS: Mapping[str, tuple[str, str]] = {
    "PORT": ("server", "port"),
    "LOG_LEVEL": ("server", "log_level"),
    "HEADGATE_ADMIN_KEY": ("server", "admin_key"),
    "CIRCUIT_BREAKER_FAILURE_THRESHOLD": ("breaker", "failures"),
    "CIRCUIT_BREAKER_RECOVERY_TIMEOUT": ("breaker", "recovery_s"),
}
"""Variables that take the place of a default. What a file says itself wins over them."""

_LEVELS = {"warn": "warning", "critical": "error", "fatal": "error", "trace": "debug"}
_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<inside>[^{}]*)\}|\$\{")
_VARIABLE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-.*)?", re.DOTALL)
_OLLAMA_PORTS = {"http": 80, "https": 443}


class Unresolved(ValueError):
    """A reference that leads nowhere; the message names what is missing, never a value."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class References:
    """Expands `${NAME}`, `${NAME:-default}` and `${file:PATH}` in texts. `$${` stands for `${` itself.

    `:-default` also serves where the variable is set and empty, as in a shell. `read` gives a file's text
    without its last line break; it raises `Unresolved`.
    """

    def __init__(self, environ: Mapping[str, str], read: Callable[[str], str]) -> None:
        self._environ = environ
        self._read = read

    def expand(self, text: str) -> str:
        """The text with every reference replaced, once: what a variable holds is not looked into.

        Raises:
            Unresolved: naming the first reference that leads nowhere.
        """
        return _REFERENCE.sub(self._value, text) if "${" in text else text

    def _value(self, match: re.Match[str]) -> str:
        if match.group() == "$${":
            return "${"
        inside = match["inside"]
        if inside is None:
            raise Unresolved("'${' without the '}' that belongs to it", "'$${' stands for '${' itself")
        if inside.startswith("file:"):
            return self._read(inside.removeprefix("file:"))
        variable = _VARIABLE.fullmatch(inside)
        if variable is None:
            raise Unresolved("'${…}' takes NAME, NAME:-default or file:PATH", "'$${' stands for '${' itself")
        return self._variable(variable["name"], variable["default"])

    def _variable(self, name: str, default: str | None) -> str:
        value = self._environ.get(name)
        if default is not None:
            return value or default.removeprefix(":-")
        if value is None:
            raise Unresolved(
                f"the environment variable {name} is not set", f"set it, or write ${{{name}:-default}}"
            )
        return value


def apply_defaults(raw: dict[str, Any], environ: Mapping[str, str]) -> dict[Path, str]:
    """Puts the variables of `DEFAULTS` where `raw` is silent; an empty variable counts as unset.

    Returns which variable each of those values came from.
    """
    origins: dict[Path, str] = {}
    for variable, (section, key) in DEFAULTS.items():
        value = environ.get(variable, "").strip()
        table = raw.get(section)
        if not value or not isinstance(table, dict | None):
            continue
        table = raw[section] = table or {}
        if key not in table:
            table[key] = _level(value) if key == "log_level" else value
            origins[section, key] = variable
    return origins


def _level(value: str) -> str:
    return _LEVELS.get(value.lower(), value.lower())


def ollama_url(host: str) -> str:
    """`OLLAMA_HOST` as an address: anything from `:11434` to a URL, read as Ollama's own clients do.

    A host to listen on everywhere (0.0.0.0) is one to connect to here. Port 11434 where none is given,
    unless a scheme is: then that scheme's.
    """
    scheme, separator, rest = host.strip().strip("'\"").partition("://")
    if not separator:
        scheme, rest = "http", scheme
    rest, _, path = rest.partition("/")
    name, bracket, tail = rest.rpartition("]") if rest.startswith("[") else ("", "", rest)
    address, colon, port = tail.partition(":")
    host_name = name + bracket + address or "127.0.0.1"
    if host_name in ("0.0.0.0", "[::]"):  # noqa: S104  # to compare with, not to listen on
        host_name = "127.0.0.1"
    default_port = _OLLAMA_PORTS.get(scheme, 11434) if separator else 11434
    return f"{scheme}://{host_name}:{port if colon and port else default_port}" + (f"/{path}" if path else "")
