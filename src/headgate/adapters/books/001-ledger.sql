-- One schema for both stores: where it says INTEGER, PostgreSQL is given BIGINT, and no WITHOUT ROWID. Statements end with ";".

-- How far each journal has been taken over. A row's id is its journal's number and its own there.
CREATE TABLE journals (
    name TEXT NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE,
    next INTEGER NOT NULL
);

-- Lists of prices and the amounts that costs were reckoned with, each once.
CREATE TABLE prices (number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE);

CREATE TABLE requests (
    id INTEGER NOT NULL PRIMARY KEY,
    at_us INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    operation TEXT NOT NULL,
    tenant TEXT NOT NULL,
    key_name TEXT NOT NULL,
    tier TEXT NOT NULL,
    requested TEXT NOT NULL,
    intent TEXT NOT NULL,
    tags TEXT NOT NULL,
    total_us INTEGER NOT NULL,
    error TEXT NOT NULL,
    flags INTEGER NOT NULL,
    model TEXT NOT NULL,
    upstream_model TEXT NOT NULL,
    served_model TEXT NOT NULL,
    provider TEXT NOT NULL,
    provider_key TEXT NOT NULL,
    region TEXT NOT NULL,
    input INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    output INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    cost_nano INTEGER NOT NULL,
    saved_nano INTEGER NOT NULL,
    price INTEGER NOT NULL,
    reuse TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    queue_us INTEGER NOT NULL,
    first_byte_us INTEGER NOT NULL,
    upstream_us INTEGER NOT NULL
);
CREATE INDEX requests_by_time ON requests (at_us);

-- Upstream calls that came to nothing. The one that served a request is the request's own row.
CREATE TABLE failed_attempts (
    request INTEGER NOT NULL,
    number INTEGER NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    upstream_model TEXT NOT NULL,
    provider_key TEXT NOT NULL,
    region TEXT NOT NULL,
    error TEXT NOT NULL,
    status INTEGER,
    PRIMARY KEY (request, number)
);

-- What reports are read from. A request is in the row of the tag '' and in one for each of its tags.
CREATE TABLE sums (
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
    PRIMARY KEY (day, tenant, key_name, model, provider, tag)
);
