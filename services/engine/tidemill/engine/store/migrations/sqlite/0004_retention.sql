-- The number of the last event when the row was written, for when its history is gone. One that has lost its history
-- stays closed.
ALTER TABLE execution ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE execution ADD COLUMN history_gone INTEGER NOT NULL DEFAULT 0 CHECK (history_gone = 0 OR closed_at_us > 0);
CREATE INDEX execution_by_end ON execution (namespace, history_gone, closed_at_us) WHERE closed_at_us > 0;

-- When the commit was that wrote it.
ALTER TABLE snapshot ADD COLUMN committed_at_us INTEGER NOT NULL DEFAULT 0;

-- NULL stands for the installation's default, 0 for ever.
CREATE TABLE namespace_settings (
  name TEXT PRIMARY KEY, history_retention_us INTEGER, execution_retention_us INTEGER
) WITHOUT ROWID;
