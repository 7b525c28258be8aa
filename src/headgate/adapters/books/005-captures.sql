-- What routes keep of requests and answers, redacted (core/captured.py). Deleted when `until_us` has come.
CREATE TABLE captures (
    id INTEGER NOT NULL PRIMARY KEY,
    at_us INTEGER NOT NULL,
    until_us INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    tenant TEXT NOT NULL,
    key_name TEXT NOT NULL,
    requested TEXT NOT NULL,
    question TEXT NOT NULL,
    answer TEXT NOT NULL,
    found TEXT NOT NULL
);
CREATE INDEX captures_by_request ON captures (request_id);
CREATE INDEX captures_by_end ON captures (until_us);
