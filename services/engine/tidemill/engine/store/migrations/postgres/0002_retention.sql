-- What is forgotten of executions that have ended, and what open ones hold. One that has lost its history stays closed.
ALTER TABLE execution ADD COLUMN history_gone boolean NOT NULL DEFAULT false,
  ADD CONSTRAINT execution_without_history_is_closed CHECK (NOT history_gone OR closed_at_us > 0);
CREATE INDEX execution_by_end ON execution (namespace, history_gone, closed_at_us) WHERE closed_at_us > 0;
CREATE INDEX execution_open ON execution (shard, started_at_us, execution_id) WHERE closed_at_us = 0;
-- Those that ran for more than a day: few, and looked at before a partition is dropped.
CREATE INDEX execution_long ON execution (closed_at_us)
  WHERE closed_at_us > 0 AND closed_at_us - started_at_us > 86400000000;
CREATE INDEX snapshot_by_time ON snapshot (committed_at_us);

-- NULL stands for the installation's default, 0 for ever.
CREATE TABLE namespace_settings (
  name text COLLATE "C" PRIMARY KEY, history_retention_us bigint, execution_retention_us bigint
);
