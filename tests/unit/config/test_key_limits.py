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
        ("rpm: -20", "rpm: must be at least 1"),
        ("rpm: .inf", "rpm: must be a whole number"),
        ("tpm: 0", "tpm: must be at least 1"),
        ("tpm: -5", "tpm: must be at least 1"),
        ("burst: 0", "burst: must be at least 1"),
        ("rpm: many", "rpm: must be a whole number"),
        ("rotate_every_days: 0", "rotate_every_days: must be more than 0"),
        ("rpm: 5, burst: 6", "burst: must not be more than rpm: a second is part of a minute"),
    ],
)
def test_nonsense_is_an_error_at_its_place(tmp_path: Path, limits: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, limits)
    assert f"providers.claude.keys[0].{told}" in str(caught.value)


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ("queue: {max_size: 0}", "queue.max_size: must be at least 1"),
        ("queue: {max_bytes: -1}", "queue.max_bytes: must be at least 1"),
        ("queue: {max_wait_s: -1}", "queue.max_wait_s: must be at least 0"),
        ("tiers: {free: {weight: 0}}", "tiers.free.weight: must be at least 1"),
        ("tiers: {free: {max_wait_s: .nan}}", "tiers.free.max_wait_s: must be a number"),
        ("fleets: {open_at: 0.6, close_at: 0.6}", "fleets.close_at: must be less than open_at"),
        ("fleets: {open_at: 1.5}", "fleets.open_at: must be at most 1"),
        ("store: {replicas: 0}", "store.replicas: must be at least 1"),
        ("store: {redis: 'http://127.0.0.1'}", "store.redis: must be an address such as redis://"),
    ],
)
def test_so_is_nonsense_about_those_who_wait_fleets_and_replicas(
    tmp_path: Path, section: str, told: str
) -> None:
    file = tmp_path / "headgate.yaml"
    file.write_text(TEXT.replace(", LIMITS", "") + section + "\n")
    with pytest.raises(ConfigError) as caught:
        load(file, environ={})
    assert told in str(caught.value)
