"""SQLite: what the processes of one host share in a file."""

from headgate.adapters.sqlite.answers import SqliteShelf
from headgate.adapters.sqlite.counters import SqliteCounters

__all__ = ["SqliteCounters", "SqliteShelf"]
