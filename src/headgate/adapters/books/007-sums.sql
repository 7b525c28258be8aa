-- The sums in the order that reports read them in: of a day those without a tag, or those with one, in one piece.
CREATE TABLE sums_in_order (
    day INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    key_name TEXT NOT NULL,
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    tag TEXT NOT NULL,
    requests INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    hits INTEGER NOT NULL,
    input INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    output INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    cost_nano INTEGER NOT NULL,
    saved_nano INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    unreconciled INTEGER NOT NULL,
    PRIMARY KEY (day, tag, tenant, key_name, model, provider)
) WITHOUT ROWID;
INSERT INTO sums_in_order SELECT * FROM sums;
DROP TABLE sums;
ALTER TABLE sums_in_order RENAME TO sums;
