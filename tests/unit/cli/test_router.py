"""`headgate router`: what it prints, refuses and leaves behind."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from headgate.cli.router import app


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def rows(count: int = 60) -> list[dict[str, object]]:
    return [
        {
            "prompt": f"Add {n} and {n + 3}" if n % 2 else f"Tell of the {'sea' * (n % 7 + 1)}",
            "correct": {"small": n % 2 == 0, "large": n % 10 != 0},
            "answer": {"small": "5", "large": None},
            "other": n,
        }
        for n in range(count)
    ]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "rows.jsonl.gz"
    file.write_bytes(gzip.compress("\n".join(map(json.dumps, rows())).encode()))
    return file


def trained(data: Path, *more: str) -> tuple[Result, Path]:
    out = data.parent / "r.router"
    return run(
        "train", data, "--weak", "small", "--strong", "large", "-o", out, "--embedder", "hashed", *more
    ), out


def test_trains_and_measures(data: Path) -> None:
    result, out = trained(data, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["rows"] == 60
    measured = run("eval", data, "--router", out, "--json")
    found = json.loads(measured.stdout)
    assert found["apgr"] > 0.7
    assert 0 <= found["cpt50"] <= found["cpt80"] <= 100
    assert len(found["interval"]) == 2
    assert run("eval", data, "--router", out, "--cascade", "--json").exit_code == 0


def test_bad_rows_are_named_with_their_line(tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    good = json.dumps(rows()[0])
    file.write_text(f'{good}\n{{"prompt": 3}}\n\n{good[:-9]}\n{{"prompt": "x", "correct": {{"m": 2}}}}\n')
    result, out = trained(file)
    assert result.exit_code == 2
    assert [line for line in (2, 4, 5) if f"bad.jsonl:{line}: " in result.output] == [2, 4, 5]
    assert "correct.m" in result.output
    assert not out.exists()


def test_a_model_nobody_knows(data: Path) -> None:
    result = run("train", data, "--weak", "smal", "--strong", "large", "-o", data.parent / "r")
    assert result.exit_code == 2
    assert "did you mean 'small'" in result.output


@pytest.mark.parametrize("content", [b"", b"nothing", b"\x1f\x8bbroken"])
def test_what_is_no_data(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x"
    file.write_bytes(content)
    assert trained(file)[0].exit_code == 2


def test_a_file_that_is_no_router(data: Path) -> None:
    result = run("eval", data, "--router", data)
    assert result.exit_code == 2
    assert "no router" in result.output


def test_files_that_are_not_there(data: Path) -> None:
    assert run("eval", data.parent / "none", "--router", data).exit_code == 2
    gone = run("eval", data, "--router", data.parent / "none")
    assert gone.exit_code == 1
    assert "No such file" in gone.output
