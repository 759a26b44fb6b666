-- The Engine's tables in SQLite. Ids of executions are 20 bytes: the lane's hash and the uuid.
CREATE TABLE shard (
  id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, owner TEXT NOT NULL, log_offset INTEGER NOT NULL,
  clock_us INTEGER NOT NULL, commit_number INTEGER NOT NULL
);

CREATE TABLE execution (
  execution_id BLOB PRIMARY KEY, namespace TEXT NOT NULL, workflow TEXT NOT NULL, version TEXT NOT NULL,
  subject TEXT NOT NULL, shard INTEGER NOT NULL, phase INTEGER NOT NULL, owes INTEGER NOT NULL,
  started_at_us INTEGER NOT NULL, closed_at_us INTEGER NOT NULL, output BLOB NOT NULL, error BLOB NOT NULL,
  reason TEXT NOT NULL, request_id TEXT NOT NULL, input_digest BLOB NOT NULL
);
CREATE INDEX execution_by_time ON execution (started_at_us, execution_id);
CREATE INDEX execution_by_workflow ON execution (namespace, workflow, phase, started_at_us, execution_id);
CREATE INDEX execution_by_subject ON execution (namespace, subject, started_at_us, execution_id)
  WHERE subject <> '';
CREATE INDEX execution_owing ON execution (shard, started_at_us, execution_id) WHERE owes;

-- Appended in the order of commits, so that big blobs are written side by side; found through the small index.
CREATE TABLE history (
  execution_id BLOB NOT NULL, sequence INTEGER NOT NULL, last_sequence INTEGER NOT NULL,
  commit_number INTEGER NOT NULL, data BLOB NOT NULL
);
CREATE UNIQUE INDEX history_by_execution ON history (execution_id, sequence, last_sequence);

CREATE TABLE timer (
  shard INTEGER NOT NULL, due_at_us INTEGER NOT NULL, execution_id BLOB NOT NULL, timer_id TEXT NOT NULL
);
CREATE UNIQUE INDEX timer_by_id ON timer (execution_id, timer_id);
CREATE INDEX timer_by_due ON timer (shard, due_at_us, execution_id, timer_id);

CREATE TABLE rejection (
  shard INTEGER NOT NULL, log_offset INTEGER NOT NULL, time_us INTEGER NOT NULL, error BLOB NOT NULL,
  PRIMARY KEY (shard, log_offset)
) WITHOUT ROWID;
CREATE INDEX rejection_by_time ON rejection (time_us);

CREATE TABLE dead_letter (
  number INTEGER PRIMARY KEY AUTOINCREMENT, shard INTEGER NOT NULL, execution_id TEXT NOT NULL, namespace TEXT NOT NULL,
  kind TEXT NOT NULL, item BLOB NOT NULL, error TEXT NOT NULL, time_us INTEGER NOT NULL
);

CREATE TABLE definition (
  namespace TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, digest TEXT NOT NULL, document BLOB NOT NULL,
  published_at_us INTEGER NOT NULL, profile TEXT NOT NULL, revision INTEGER NOT NULL UNIQUE,
  PRIMARY KEY (namespace, name, version)
);
