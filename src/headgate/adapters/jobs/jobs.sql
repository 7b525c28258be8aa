-- Jobs, for both stores: where it says INTEGER and BLOB, PostgreSQL is given BIGINT and BYTEA. `due_us` of a job that
-- is running is when its lease ends; so "due" is one condition. `about` is what of a request may be told, `body`
-- what it said, which is forgotten once it has been answered.
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    key_name TEXT NOT NULL,
    status TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    due_us INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    claims INTEGER NOT NULL,
    finished_us INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    about BLOB NOT NULL,
    body BLOB NOT NULL,
    result BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS jobs_due ON jobs (status, due_us, bytes);
CREATE INDEX IF NOT EXISTS jobs_of ON jobs (tenant, key_name, id);
