-- Engines that live, and the log that the store belongs to.
CREATE TABLE lease (engine TEXT PRIMARY KEY, expires_at_us INTEGER NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE log (identity TEXT NOT NULL);
