-- Every upstream call but the one that served: where `error` is empty it was answered, paid for and put aside.
ALTER TABLE failed_attempts RENAME TO other_attempts;
ALTER TABLE other_attempts ADD COLUMN input INTEGER NOT NULL DEFAULT 0;
ALTER TABLE other_attempts ADD COLUMN cache_read INTEGER NOT NULL DEFAULT 0;
ALTER TABLE other_attempts ADD COLUMN cache_write INTEGER NOT NULL DEFAULT 0;
ALTER TABLE other_attempts ADD COLUMN output INTEGER NOT NULL DEFAULT 0;
ALTER TABLE other_attempts ADD COLUMN reasoning INTEGER NOT NULL DEFAULT 0;
ALTER TABLE other_attempts ADD COLUMN cost_nano INTEGER NOT NULL DEFAULT 0;
ALTER TABLE other_attempts ADD COLUMN price INTEGER;
ALTER TABLE other_attempts ADD COLUMN flags INTEGER NOT NULL DEFAULT 0;
