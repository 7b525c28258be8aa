-- Acts of admins, chained by hashes (core/audit.py). Nothing here is ever changed or deleted.
CREATE TABLE audit (
    number INTEGER NOT NULL PRIMARY KEY,
    at_us INTEGER NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL,
    hash TEXT NOT NULL
);
