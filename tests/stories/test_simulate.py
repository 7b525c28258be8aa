"""Scenarios played: the numbers are the referee's, and the same every time."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from headgate.cli import plot as picture
from headgate.cli.played import Result
from headgate.cli.playing import play
from headgate.cli.simulate import SHIPPED, shipped, simulate
from headgate.cli.tables import show
from headgate.config.stage import load

HEADGATE = Path(sys.executable).with_name("headgate")

SMALL = """\
title: A small one
duration_s: 240
warmup_s: 60
gateway:
  providers:
    claude: {keys: [{key: one, rpm: 60}, {key: two, rpm: 60}], concurrency: 200}
    own: {dialect: simulated, concurrency: 4}
  models:
    sonnet: {provider: claude, price: {input: 3, output: 15}}
    llama: {provider: own, price: {input: 0, output: 0}}
  routes: {auto: {use: [sonnet, llama]}}
  tiers: {pro: {weight: 10, max_wait_s: 2}, free: {max_wait_s: 10}}
callers:
  pro: {tier: pro, tenants: 3, poisson_rpm: 150, stream: 0.3}
  free: {tier: free, tenants: 9, users: {count: 40, think_s: {exponential: 20}}, repeats: {share: 0.5}}
faults:
  - {provider: own, fault: "503", from_s: 100, to_s: 130, share: 0.5}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path


def played(file: Path, text: str = SMALL, seed: int | None = None) -> Result:
    file.write_text(text)
    return play(load(file, {}), seed=seed)


def test_the_numbers_add_up(file: Path) -> None:
    result = played(file)
    rates, tiers = result.effective, result.tiers
    assert set(tiers) == {"pro", "free"}
    for one in tiers.values():
        assert one.asked == one.answered + one.refused + one.failed + one.cut + one.deadline + one.hung_up
        assert one.answered == one.wait_s.count == one.latency_s.count
        assert one.refused == one.refused_after_s.count
        assert sum(one.reasons.values()) == one.asked - one.answered
    assert tiers["pro"].asked == pytest.approx(150 * 3, rel=0.1)
    assert 0 < tiers["pro"].first_byte_s.count < tiers["pro"].answered
    assert tiers["free"].first_byte_s.count == 0
    assert rates.base_rpm == 120
    assert rates.answered_rpm == pytest.approx(
        rates.accounts_rpm + rates.unmetered_rpm + rates.reused_rpm, abs=2
    )
    assert result.cost_usd == pytest.approx(sum(one.cost_usd for one in result.providers.values()))
    assert result.providers["own"].cost_usd == 0


def test_provider_use_is_what_their_books_say(file: Path) -> None:
    claude = played(file).providers["claude"]
    assert list(claude.keys) == ["1", "2"]
    assert claude.together.calls == sum(key.calls for key in claude.keys.values())
    assert claude.together.may_calls == 360
    assert claude.used == pytest.approx(claude.together.calls / 360, abs=1e-6)
    assert 0.9 <= (claude.used or 0.0) <= 1.0
    assert claude.together.throttled == 0


def test_faults_befall_and_limits_change_when_they_are_to(file: Path) -> None:
    changed = SMALL + "changes: [{provider: claude, key: 1, at_s: 150, rpm: 20}]\n"
    result = played(file, changed)
    assert result.providers["own"].together.faulted > 3
    keys = result.providers["claude"].keys
    assert keys["1"].may_calls == 60 * 1.5 + 20 * 1.5
    assert keys["2"].may_calls == 60 * 3
    assert keys["1"].calls < keys["2"].calls
    assert result.throttled <= 1


def test_who_has_no_patience_hangs_up(file: Path) -> None:
    result = played(file, SMALL.replace("stream: 0.3", "patience_s: 3"))
    pro = result.tiers["pro"]
    assert pro.hung_up > 10
    assert pro.latency_s.most <= 3.0
    assert pro.reasons["CancelledError"] == pro.hung_up


def test_a_second_call_elsewhere_takes_the_slow_tail_away(file: Path) -> None:
    text = SHIPPED.joinpath("slow-tail.yaml").read_text()
    brief, hedge = text.replace("duration_s: 1800", "duration_s: 360"), ", hedge: {max_share: 0.05}"
    assert hedge in brief
    with_it, without = played(file, brief), played(file, brief.replace(hedge, ""))
    before, after = without.groups["everybody"], with_it.groups["everybody"]
    assert after.answered == after.asked == before.asked
    assert before.latency_s.most > 10.0
    assert after.latency_s.most < 4.0
    assert after.latency_s.p99 < before.latency_s.p99 * 0.6
    assert after.latency_s.p50 == pytest.approx(before.latency_s.p50, rel=0.05)
    assert 0.02 < with_it.providers["other"].together.calls / after.asked < 0.05


def test_the_timeline_is_what_happened(file: Path) -> None:
    result = played(file)
    line = result.timeline
    minutes = line.bucket_s / 60
    assert len(line.asked_rpm) == len(line.answered_rpm) == 240 / line.bucket_s
    warm = int(60 / line.bucket_s)
    assert sum(line.answered_rpm[warm:]) * minutes == pytest.approx(
        result.effective.answered_rpm * 3, abs=0.01
    )
    assert set(line.wait_p99_s) == {"pro", "free"}


def test_the_same_seed_is_the_same_run_and_another_is_not(file: Path) -> None:
    first, again, other = played(file), played(file), played(file, seed=2)
    assert msgspec.json.encode(first) == msgspec.json.encode(again)
    assert (other.seed, first.seed) == (2, 1)
    assert other.groups != first.groups


def test_what_is_over_is_forgotten_at_once(file: Path) -> None:
    """Answered, refused, cut or hung up: nothing is left that only the collector could free."""
    file.write_text(SMALL.replace("stream: 0.3", "stream: 0.3, patience_s: 3"))
    found = []

    def tick(now: float) -> None:
        if 60.0 <= now < 60.6:
            gc.collect()
            gc.disable()
        elif 120.0 <= now < 120.6:
            found.append(gc.collect())
            gc.enable()

    play(load(file, {}), tick=tick)
    assert found == [0]


def test_bit_for_bit_in_another_process_too(file: Path) -> None:
    """With other hashes, another place in memory and a log that nobody reads."""
    outputs = {
        subprocess.run(
            [HEADGATE, "simulate", file, "--json"],
            env={"PATH": os.defpath, "PYTHONHASHSEED": hashes},
            capture_output=True,
            check=True,
        ).stdout
        for hashes in ("1", "77")
    }
    assert len(outputs) == 1
    document: dict[str, Any] = json.loads(outputs.pop())
    assert document == msgspec.to_builtins(played(file))


def test_for_people(file: Path) -> None:
    console = Console(width=80, record=True, file=StringIO())
    show(console, played(file), took_s=1.0)
    text = console.export_text()
    for words in ("A small one", "× base", "base 120", "pro", "claude", "429s drawn from providers: 0"):
        assert words in text
    assert "…" not in text


REPEATING = SMALL.replace(
    "pro: {tier: pro,", "pro: {repeats: {share: 0.4, pool: 5, twice: 0.5}, tier: pro,"
).replace("  routes:", "  cache: {scope: shared}\n  routes:")


def test_what_is_asked_twice_is_answered_once_and_the_mix_says_so(file: Path) -> None:
    once, twice = played(file), played(file, REPEATING)
    rates = twice.effective
    assert twice.tiers["pro"].asked == pytest.approx(1.5 * once.tiers["pro"].asked, rel=0.15)
    assert once.effective.coalesced < 0.01
    assert rates.cached_rpm + rates.coalesced_rpm == pytest.approx(rates.reused_rpm, abs=2)
    assert rates.coalesced > 0.2
    assert rates.cached == pytest.approx(rates.cached_rpm / rates.answered_rpm, abs=1e-3)
    console = Console(width=90, record=True, file=StringIO())
    show(console, twice, took_s=1.0)
    assert "of the rest" in console.export_text()


# ── the command ──────────────────────────────────────────────────────────────────────────────────────


def test_by_name_or_by_path_and_what_is_wrong_is_said(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "seven-hundred-sixty" in shipped()
    assert simulate("nowhere", as_json=False, plot=None, seed=None) == 2
    assert "by name there are" in capsys.readouterr().err
    file.write_text(SMALL.replace("rpm: 60}", "rpm: 0}", 1))
    assert simulate(str(file), as_json=True, plot=None, seed=None) == 2
    [problem] = json.loads(capsys.readouterr().out)["problems"]
    assert (problem["path"], problem["line"]) == ("gateway.providers.claude.keys[0].rpm", 6)


def test_a_picture_that_cannot_be_drawn_is_refused_before_anything_is_played(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert simulate(str(file), as_json=False, plot=Path("p.pdf"), seed=None) == 2
    assert ".svg or .png" in capsys.readouterr().err
    if find_spec("matplotlib") is None:
        assert simulate(str(file), as_json=False, plot=Path("p.svg"), seed=None) == 2
        assert "pip install" in capsys.readouterr().err


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="matplotlib is an extra")
def test_the_picture_of_a_result_is_always_the_same(file: Path) -> None:
    result = played(file)
    for kind in ("svg", "png"):
        one, other = file.with_suffix(f".1.{kind}"), file.with_suffix(f".2.{kind}")
        picture.plot(result, one)
        picture.plot(result, other)
        assert one.read_bytes() == other.read_bytes()
    assert file.with_suffix(".1.png").read_bytes().startswith(b"\x89PNG")
