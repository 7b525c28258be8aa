"""Named exchanges: answers in the format of the Messages API, one a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "exchanges" / "anthropic"


@pytest.fixture(scope="session")
def exchange() -> Callable[[str], bytes]:
    return lambda name: (FOLDER / name).read_bytes()
