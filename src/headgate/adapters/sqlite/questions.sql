-- Questions that were answered, for core/semantic. `number` only ever grows: by it the others see what is new.
CREATE TABLE IF NOT EXISTS questions (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    identity BLOB NOT NULL UNIQUE,
    partition BLOB NOT NULL,
    vector   BLOB NOT NULL,
    reading  BLOB NOT NULL,
    alike    BLOB NOT NULL,
    sign     BLOB NOT NULL,
    until    REAL NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS questions_by_end ON questions (until);
-- One row: of which embedder the vectors are, and of which edition the readings.
CREATE TABLE IF NOT EXISTS made_by (id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL) STRICT;
