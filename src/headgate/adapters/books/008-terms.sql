-- What was agreed at run time with tenants, keys, tiers and routes, as JSON.
CREATE TABLE terms (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (kind, name)
);
