-- What was spent of each budget, by process and period, as JSON (core/account.py).
CREATE TABLE accounts (name TEXT NOT NULL PRIMARY KEY, state TEXT NOT NULL);
