"""A provider key's limits: what makes no sense is an error that names the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.config.check import ConfigError
from headgate.config.load import load

TEXT = """\
server: {auth: "off"}
providers:
  claude:
    dialect: anthropic
    keys:
      - {key: a-key, LIMITS}
models: {m: {provider: claude}}
"""


def loaded(tmp_path: Path, limits: str) -> None:
    file = tmp_path / "headgate.yaml"
    file.write_text(TEXT.replace("LIMITS", limits))
    [key] = load(file, environ={}).providers["claude"].keys
    assert (key.rpm, key.tpm, key.burst) == (20, 100000, 5)


def test_limits_are_read(tmp_path: Path) -> None:
    loaded(tmp_path, "rpm: 20, tpm: 100000, burst: 5")


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ("rpm: 0", "rpm: must be at least 1"),
        ("tpm: -5", "tpm: must be at least 1"),
        ("burst: 0", "burst: must be at least 1"),
        ("rpm: many", "rpm: must be a whole number"),
        ("rpm: 5, burst: 6", "burst: must not be more than rpm: a second is part of a minute"),
    ],
)
def test_nonsense_is_an_error_at_its_place(tmp_path: Path, limits: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, limits)
    assert f"providers.claude.keys[0].{told}" in str(caught.value)
