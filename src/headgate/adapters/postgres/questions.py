"""`ports.neighbours.Register` in PostgreSQL with pgvector: replicas share their questions, and ask it for the
nearest.

Known weakness: pgvector before 0.8 looks for the nearest first and at their partition then, so that a small
partition among very many may be told fewer than there are; what that costs is an upstream call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from headgate.adapters.postgres.link import Link
from headgate.ports.neighbours import Kept, Near, RegisterGone, Written

CONNECT_S = 3.0
PATIENCE_S = 5.0
LOOKED_AT = 100
"""Candidates of a search in pgvector's graph."""
MIGRATING = 0x68656164716E
"""An advisory lock, for whoever makes the table."""
TIDIED_EVERY = 64

_COLUMNS = "identity, partition, sign, reading, alike, until, vector"
_FOUND = "SELECT reading, identity, alike, sign, until, 1.0 - (vector <=> $3::text::vector) AS likeness"
_NEAR = """({found} FROM {table}
    WHERE partition = $1 AND sign = $2 AND until > $4 ORDER BY until DESC LIMIT 1)
    UNION ALL ({found} FROM {table}
    WHERE partition = $1 AND until > $4 ORDER BY vector <=> $3::text::vector LIMIT $5)"""
_WRITE = """INSERT INTO {table} ({columns}) VALUES ($1, $2, $3, $4, $5, $6, $7::text::vector)
    ON CONFLICT (identity) DO UPDATE SET partition = excluded.partition, sign = excluded.sign,
    reading = excluded.reading, alike = excluded.alike, until = excluded.until, vector = excluded.vector,
    number = DEFAULT"""
_EXPIRED = "DELETE FROM {table} WHERE until <= $1"
_OLDEST = "DELETE FROM {table} WHERE number <= (SELECT max(number) FROM {table}) - $1"
_DROP = "DELETE FROM {table} WHERE identity = ANY($1::bytea[])"
_CLEAR = "DELETE FROM {table}"
_TABLE = """
CREATE EXTENSION IF NOT EXISTS vector;
CREATE SCHEMA IF NOT EXISTS "{schema}";
CREATE TABLE IF NOT EXISTS {table} (number BIGSERIAL, identity BYTEA PRIMARY KEY, partition BYTEA NOT NULL,
    sign BYTEA NOT NULL, reading BYTEA NOT NULL, alike BYTEA NOT NULL, until DOUBLE PRECISION NOT NULL,
    vector VECTOR({dimension}) NOT NULL);
CREATE INDEX IF NOT EXISTS {index}_sign ON {table} (partition, sign);
CREATE INDEX IF NOT EXISTS {index}_until ON {table} (until);
CREATE INDEX IF NOT EXISTS {index}_number ON {table} (number);
CREATE INDEX IF NOT EXISTS {index}_near ON {table} USING hnsw (vector vector_cosine_ops)
"""


class PostgresRegister:
    """A table for each number of dimensions; what made a vector is told by its partition."""

    searches = True

    def __init__(self, url: str, *, schema: str, dimension: int, most: int) -> None:
        self._most = most
        self._writings = 0
        index = f"questions_{dimension}"
        names = {"schema": schema, "table": f'"{schema}".{index}', "index": index, "dimension": dimension}
        self._make = [one.format(**names) for one in _TABLE.split(";")]
        self._expired, self._oldest = _EXPIRED.format(**names), _OLDEST.format(**names)
        self._drop, self._clear = _DROP.format(**names), _CLEAR.format(**names)
        self._near = _NEAR.format(found=_FOUND, **names)
        self._write = _WRITE.format(columns=_COLUMNS, **names)
        self._link = Link(url, gone=RegisterGone, ready=self._made, patience_s=PATIENCE_S)

    async def _made(self, connection: Any) -> None:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATING)
            for statement in self._make:
                await connection.execute(statement)
        await connection.execute(f"SET hnsw.ef_search = {LOOKED_AT}")
        version = "SELECT extversion FROM pg_extension WHERE extname = 'vector'"
        found = str(await connection.fetchval(version)).split(".")
        if (int(found[0]), int(found[1])) >= (0, 8):
            await connection.execute("SET hnsw.iterative_scan = 'strict_order'")

    async def read(self, after: int, now: float) -> tuple[int, list[Written]]:
        async with self._link.connected():
            return after, []

    async def near(self, partition: bytes, sign: int, vector: bytes, most: int, now: float) -> list[Near]:
        async with self._link.connected() as connection:
            rows = await connection.fetch(self._near, partition, _sign(sign), _text(vector), now, most)
        found = {
            one["identity"]: Near(
                Kept(
                    one["reading"],
                    one["identity"],
                    one["alike"],
                    int.from_bytes(one["sign"], "big"),
                    one["until"],
                ),
                one["likeness"],
            )
            for one in rows
        }
        return sorted(found.values(), key=lambda near: -near.likeness)

    async def write(self, questions: Sequence[Written], now: float) -> None:
        rows = [
            (
                one.kept.identity,
                one.partition,
                _sign(one.kept.sign),
                one.kept.reading,
                one.kept.alike,
                one.kept.until,
                _text(one.vector),
            )
            for one in questions
        ]
        async with self._link.connected() as connection:
            await connection.executemany(self._write, rows)
            if self._writings % TIDIED_EVERY == 0:
                await connection.execute(self._expired, now)
                await connection.execute(self._oldest, self._most)
        self._writings += 1

    async def drop(self, identities: Sequence[bytes]) -> None:
        async with self._link.connected() as connection:
            await connection.execute(self._drop, list(identities))

    async def clear(self) -> int:
        async with self._link.connected() as connection:
            told = await connection.execute(self._clear)
        return int(told.split()[-1])

    async def close(self) -> None:
        await self._link.close()


def _sign(sign: int) -> bytes:
    return sign.to_bytes(16, "big")


def _text(vector: bytes) -> str:
    return "[" + ",".join(map(str, np.frombuffer(vector, np.int8).tolist())) + "]"
