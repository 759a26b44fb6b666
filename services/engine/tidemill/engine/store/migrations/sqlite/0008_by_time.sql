-- Ids of executions begin with the hash of their lane, and lie anywhere in the order of ids; their uuids begin with the
-- time. By uuid, executions that began together lie side by side: those that begin now, and those that wait for one
-- moment. Here the uuid comes first.
DROP INDEX history_by_execution;
CREATE UNIQUE INDEX history_by_execution
  ON history (substr(execution_id, 5), substr(execution_id, 1, 4), sequence, last_sequence);

-- The uuid, then the lane's hash.
CREATE TABLE timer_by_time (
  execution_by_time BLOB NOT NULL, timer_id TEXT NOT NULL, shard INTEGER NOT NULL, due_at_us INTEGER NOT NULL,
  PRIMARY KEY (execution_by_time, timer_id)
) WITHOUT ROWID;
INSERT INTO timer_by_time
  SELECT CAST(substr(execution_id, 5) || substr(execution_id, 1, 4) AS BLOB), timer_id, shard, due_at_us FROM timer;
DROP TABLE timer;
ALTER TABLE timer_by_time RENAME TO timer;
CREATE INDEX timer_by_due ON timer (shard, due_at_us, execution_by_time, timer_id);
