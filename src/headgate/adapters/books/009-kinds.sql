-- What rows of a day have in common is written once: a kind's number is the id of the first row that was of it.
CREATE TABLE kinds (
    number INTEGER NOT NULL PRIMARY KEY,
    day INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    operation TEXT NOT NULL,
    tenant TEXT NOT NULL,
    key_name TEXT NOT NULL,
    tier TEXT NOT NULL,
    requested TEXT NOT NULL,
    intent TEXT NOT NULL,
    error TEXT NOT NULL,
    flags INTEGER NOT NULL,
    model TEXT NOT NULL,
    upstream_model TEXT NOT NULL,
    served_model TEXT NOT NULL,
    provider TEXT NOT NULL,
    provider_key TEXT NOT NULL,
    region TEXT NOT NULL,
    price TEXT NOT NULL,
    reuse TEXT NOT NULL
);
INSERT INTO kinds
SELECT MIN(id), at_us / 86400000000 AS day, outcome, operation, tenant, key_name, tier, requested, intent, error, flags,
       model, upstream_model, served_model, provider, provider_key, region, name, reuse
FROM requests JOIN prices ON prices.number = price
GROUP BY day, outcome, operation, tenant, key_name, tier, requested, intent, error, flags,
         model, upstream_model, served_model, provider, provider_key, region, name, reuse;
CREATE INDEX kinds_by_day ON kinds (day, key_name, model);

CREATE TABLE entries (
    id INTEGER NOT NULL PRIMARY KEY,
    kind INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    tags TEXT NOT NULL,
    total_us INTEGER NOT NULL,
    input INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    output INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    cost_nano INTEGER NOT NULL,
    saved_nano INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    queue_us INTEGER NOT NULL,
    first_byte_us INTEGER NOT NULL,
    upstream_us INTEGER NOT NULL
);
INSERT INTO entries
SELECT r.id, k.number, r.at_us, r.request_id, r.tags, r.total_us, r.input, r.cache_read, r.cache_write, r.output,
       r.reasoning, r.cost_nano, r.saved_nano, r.attempts, r.queue_us, r.first_byte_us, r.upstream_us
FROM requests AS r JOIN prices ON prices.number = r.price
JOIN kinds AS k ON k.day = r.at_us / 86400000000 AND k.key_name = r.key_name AND k.model = r.model
    AND k.outcome = r.outcome AND k.operation = r.operation AND k.tenant = r.tenant AND k.tier = r.tier
    AND k.requested = r.requested AND k.intent = r.intent AND k.error = r.error AND k.flags = r.flags
    AND k.upstream_model = r.upstream_model AND k.served_model = r.served_model AND k.provider = r.provider
    AND k.provider_key = r.provider_key AND k.region = r.region AND k.price = prices.name AND k.reuse = r.reuse
ORDER BY r.id;
DROP TABLE requests;
CREATE INDEX entries_by_time ON entries (at_us);

-- Rows as they are read.
CREATE VIEW requests AS
SELECT id, at_us, request_id, tags, total_us, input, cache_read, cache_write, output, reasoning, cost_nano, saved_nano,
       attempts, queue_us, first_byte_us, upstream_us, outcome, operation, tenant, key_name, tier, requested, intent,
       error, flags, model, upstream_model, served_model, provider, provider_key, region, price, reuse
FROM entries CROSS JOIN kinds WHERE kinds.number = kind;

-- The same of prices: they have names, and few rows have one of their own.
CREATE TABLE attempts_with_prices (
    request INTEGER NOT NULL,
    number INTEGER NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    upstream_model TEXT NOT NULL,
    provider_key TEXT NOT NULL,
    region TEXT NOT NULL,
    error TEXT NOT NULL,
    status INTEGER,
    input INTEGER NOT NULL,
    cache_read INTEGER NOT NULL,
    cache_write INTEGER NOT NULL,
    output INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    cost_nano INTEGER NOT NULL,
    price TEXT NOT NULL,
    flags INTEGER NOT NULL,
    PRIMARY KEY (request, number)
);
INSERT INTO attempts_with_prices
SELECT request, a.number, provider, model, upstream_model, provider_key, region, error, status, input, cache_read,
       cache_write, output, reasoning, cost_nano, COALESCE(prices.name, ''), flags
FROM other_attempts AS a LEFT JOIN prices ON prices.number = a.price;
DROP TABLE other_attempts;
ALTER TABLE attempts_with_prices RENAME TO other_attempts;
DROP TABLE prices;
