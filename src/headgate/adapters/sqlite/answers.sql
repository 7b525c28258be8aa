-- Answers that are kept, as core/reuse.py packs them. The index tells which go first, and how much there is.
CREATE TABLE IF NOT EXISTS answers (
    identity   BLOB PRIMARY KEY,
    answer     BLOB NOT NULL,
    bytes      INTEGER NOT NULL,
    expires_at REAL NOT NULL,
    used_at    REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS answers_by_use ON answers (used_at, bytes);
CREATE INDEX IF NOT EXISTS answers_by_end ON answers (expires_at);
-- One row: how often everything has been forgotten.
CREATE TABLE IF NOT EXISTS epochs (id INTEGER PRIMARY KEY CHECK (id = 1), epoch INTEGER NOT NULL) STRICT;
