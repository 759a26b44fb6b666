-- `state.db` as the first release made it, before its tables were numbered: never edited.
CREATE TABLE IF NOT EXISTS shard (
  id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, owner TEXT NOT NULL, log_offset INTEGER NOT NULL,
  clock_us INTEGER NOT NULL, commit_number INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS execution (
  execution_id BLOB PRIMARY KEY, namespace TEXT NOT NULL, workflow TEXT NOT NULL, version TEXT NOT NULL,
  subject TEXT NOT NULL, shard INTEGER NOT NULL, phase INTEGER NOT NULL, owes INTEGER NOT NULL,
  started_at_us INTEGER NOT NULL, closed_at_us INTEGER NOT NULL, output BLOB NOT NULL, error BLOB NOT NULL,
  reason TEXT NOT NULL, request_id TEXT NOT NULL, input_digest BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS execution_by_time ON execution (started_at_us, execution_id);
CREATE INDEX IF NOT EXISTS execution_by_workflow ON execution (namespace, workflow, phase, started_at_us, execution_id);
CREATE INDEX IF NOT EXISTS execution_by_subject ON execution (namespace, subject, started_at_us, execution_id)
  WHERE subject <> '';
CREATE INDEX IF NOT EXISTS execution_owing ON execution (shard, started_at_us, execution_id) WHERE owes;

-- Appended in the order of commits, so that big blobs are written side by side; found through the small index.
CREATE TABLE IF NOT EXISTS history (
  execution_id BLOB NOT NULL, sequence INTEGER NOT NULL, last_sequence INTEGER NOT NULL,
  commit_number INTEGER NOT NULL, data BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS history_by_execution ON history (execution_id, sequence, last_sequence);

CREATE TABLE IF NOT EXISTS timer (
  shard INTEGER NOT NULL, due_at_us INTEGER NOT NULL, execution_id BLOB NOT NULL, timer_id TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS timer_by_id ON timer (execution_id, timer_id);
CREATE INDEX IF NOT EXISTS timer_by_due ON timer (shard, due_at_us, execution_id, timer_id);

CREATE TABLE IF NOT EXISTS rejection (
  shard INTEGER NOT NULL, log_offset INTEGER NOT NULL, time_us INTEGER NOT NULL, error BLOB NOT NULL,
  PRIMARY KEY (shard, log_offset)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS rejection_by_time ON rejection (time_us);

CREATE TABLE IF NOT EXISTS dead_letter (
  number INTEGER PRIMARY KEY AUTOINCREMENT, shard INTEGER NOT NULL, execution_id TEXT NOT NULL, namespace TEXT NOT NULL,
  kind TEXT NOT NULL, item BLOB NOT NULL, error TEXT NOT NULL, time_us INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS definition (
  namespace TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, digest TEXT NOT NULL, document BLOB NOT NULL,
  published_at_us INTEGER NOT NULL, profile TEXT NOT NULL, revision INTEGER NOT NULL UNIQUE,
  PRIMARY KEY (namespace, name, version)
);

-- What an engine of two shards might have left.
INSERT INTO shard VALUES (0, 3, 'a', 12, 70, 9), (1, 3, 'a', 4, 71, 5);
INSERT INTO execution VALUES
  (x'000000000190a0000000700080000000000000f1', 'shop', 'cart', '1.0.0', '', 1, 2, 1, 1000, 0, x'', x'', '', '', x'64');
INSERT INTO history VALUES
  (x'000000000190a0000000700080000000000000f1', 1, 2, 4, x'61'),
  (x'000000000190a0000000700080000000000000f1', 3, 3, 5, x'62');
INSERT INTO timer VALUES (1, 99, x'000000000190a0000000700080000000000000f1', 't');
INSERT INTO rejection VALUES (0, 7, 50, x'77');
INSERT INTO dead_letter VALUES (1, 0, '', 'shop', 'command', x'69', 'trace', 5);
INSERT INTO definition VALUES ('shop', 'cart', '1.0.0', 'digest', x'7b7d', 7, 'profile', 1);
