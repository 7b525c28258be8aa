"""A PostgreSQL with pgvector, from a package: started once, when a test first wants it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from warnings import catch_warnings

import pytest


def served() -> Iterator[str]:
    """Its URL. Skips the test where the package is not there; fails it where it must be."""
    try:
        with catch_warnings(action="ignore"):  # of where its lock is
            from pgserver.postgres_server import get_server
    except ImportError:
        if os.environ.get("CI") and sys.version_info < (3, 13):  # noqa: TID251 - else there is none
            pytest.fail("pgserver is not installed")
        pytest.skip("pgserver is not installed")
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # its server may run as another user
        server = get_server(Path(folder) / "data")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
