-- Keys of callers that were made at run time, as JSON; hashes, never the keys. One row of what all of them share.
CREATE TABLE issued_keys (name TEXT NOT NULL PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE issuing (generation INTEGER NOT NULL, pepper TEXT NOT NULL);
