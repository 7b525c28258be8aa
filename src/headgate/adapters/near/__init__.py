"""Indexes of questions (`ports.neighbours`). Importing this imports neither numpy nor usearch."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.adapters.near.questions import Questions

GRAPH_FROM = 4096
"""Questions of one partition from which looking at all of them takes longer than walking a graph."""


def index_of(dimension: int, most: int) -> Questions:
    """An index for so many questions: large partitions become graphs where usearch is installed."""
    from headgate.adapters.near.questions import Questions

    if find_spec("usearch") is None:
        return Questions(dimension, most)
    from headgate.adapters.near.graph import Graph

    return Questions(dimension, most, grown=Graph, grows_at=GRAPH_FROM)
