-- Lanes that remember who waits and what came, messages between shards, snapshots, and readers of commits.
ALTER TABLE shard ADD COLUMN outbox_sequence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE execution ADD COLUMN parent_execution_id BLOB NOT NULL DEFAULT x'';
ALTER TABLE execution ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;
ALTER TABLE definition ADD COLUMN listens BLOB NOT NULL DEFAULT x'';

-- Readers of commits follow one shard in the order of its commits.
ALTER TABLE history ADD COLUMN shard INTEGER NOT NULL DEFAULT -1;
UPDATE history SET shard = coalesce(
  (SELECT e.shard FROM execution e WHERE e.execution_id = history.execution_id), -1
);
CREATE INDEX history_by_commit ON history (shard, commit_number);

CREATE TABLE snapshot (execution_id BLOB PRIMARY KEY, sequence INTEGER NOT NULL, data BLOB NOT NULL);

-- The text of a filter, once for all lanes, by its digest.
CREATE TABLE shape (shape_id BLOB PRIMARY KEY, text BLOB NOT NULL) WITHOUT ROWID;

-- Who waits, in the order in which an event looks for them.
CREATE TABLE subscription (
  lane BLOB NOT NULL, shape_id BLOB NOT NULL, key BLOB NOT NULL, execution_id BLOB NOT NULL,
  subscription_id TEXT NOT NULL, shard INTEGER NOT NULL, since_us INTEGER NOT NULL,
  PRIMARY KEY (lane, shape_id, key, execution_id, subscription_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX subscription_by_id ON subscription (lane, execution_id, subscription_id);

CREATE TABLE lane_event (
  lane BLOB NOT NULL, digest BLOB NOT NULL, shard INTEGER NOT NULL, received_at_us INTEGER NOT NULL,
  expires_at_us INTEGER NOT NULL, data BLOB NOT NULL
);
CREATE UNIQUE INDEX lane_event_by_digest ON lane_event (lane, digest);
CREATE INDEX lane_event_by_time ON lane_event (lane, received_at_us, digest);
CREATE INDEX lane_event_by_expiry ON lane_event (expires_at_us);

CREATE TABLE lane_seen (
  lane BLOB NOT NULL, digest BLOB NOT NULL, shard INTEGER NOT NULL, expires_at_us INTEGER NOT NULL,
  PRIMARY KEY (lane, digest)
) WITHOUT ROWID;
CREATE INDEX lane_seen_by_expiry ON lane_seen (expires_at_us);

CREATE TABLE counter (
  lane BLOB NOT NULL, name TEXT NOT NULL, shard INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY (lane, name)
) WITHOUT ROWID;

CREATE TABLE outbox (
  shard INTEGER NOT NULL, sequence INTEGER NOT NULL, target_shard INTEGER NOT NULL, data BLOB NOT NULL
);
CREATE UNIQUE INDEX outbox_by_sequence ON outbox (shard, sequence);

CREATE TABLE peer (
  shard INTEGER NOT NULL, source_shard INTEGER NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (shard, source_shard)
) WITHOUT ROWID;

CREATE TABLE cursor (
  name TEXT NOT NULL, shard INTEGER NOT NULL, commit_number INTEGER NOT NULL, PRIMARY KEY (name, shard)
) WITHOUT ROWID;
