"""SQLite: what the processes of one host share in a file."""

from headgate.adapters.sqlite.accounts import SqliteAccounts
from headgate.adapters.sqlite.answers import SqliteShelf
from headgate.adapters.sqlite.counters import SqliteCounters
from headgate.adapters.sqlite.jobs import SqliteJobs
from headgate.adapters.sqlite.ledger import SqliteLedger
from headgate.adapters.sqlite.questions import SqliteRegister

__all__ = [
    "SqliteAccounts",
    "SqliteCounters",
    "SqliteJobs",
    "SqliteLedger",
    "SqliteRegister",
    "SqliteShelf",
]
