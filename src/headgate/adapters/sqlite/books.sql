-- One row: the books of core/lease.py, as MessagePack. Written in one transaction a message.
CREATE TABLE IF NOT EXISTS books (id INTEGER PRIMARY KEY CHECK (id = 1), state BLOB NOT NULL) STRICT;
