"""PostgreSQL: what the replicas of a gateway share. Needs the extra `postgres`."""

from headgate.adapters.postgres.accounts import PostgresAccounts
from headgate.adapters.postgres.jobs import PostgresJobs
from headgate.adapters.postgres.ledger import PostgresLedger

__all__ = ["PostgresAccounts", "PostgresJobs", "PostgresLedger"]
