-- The Engine's tables in Postgres. Ids of executions are 20 bytes: the lane's hash and the uuid. Text is compared by
-- its bytes, as everywhere else in the Engine.
CREATE TABLE shard (
  id integer PRIMARY KEY, epoch bigint NOT NULL DEFAULT 0, owner text COLLATE "C" NOT NULL DEFAULT '',
  log_offset bigint NOT NULL DEFAULT 0, clock_us bigint NOT NULL DEFAULT 0, commit_number bigint NOT NULL DEFAULT 0,
  outbox_sequence bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- Engines that live, and the log that the store belongs to.
CREATE TABLE lease (
  engine text COLLATE "C" PRIMARY KEY, expires_at_us bigint NOT NULL, revision bigint NOT NULL
) WITH (fillfactor = 20);
CREATE TABLE log (only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one), identity text COLLATE "C" NOT NULL);

-- `sequence` is that of the last event when the row was written; history, while it is there, knows later ones.
CREATE TABLE execution (
  execution_id bytea PRIMARY KEY, namespace text COLLATE "C" NOT NULL, workflow text COLLATE "C" NOT NULL,
  version text COLLATE "C" NOT NULL, subject text COLLATE "C" NOT NULL, shard integer NOT NULL, phase integer NOT NULL,
  owes boolean NOT NULL, started_at_us bigint NOT NULL, closed_at_us bigint NOT NULL, output bytea NOT NULL,
  error bytea NOT NULL, reason text COLLATE "C" NOT NULL, request_id text COLLATE "C" NOT NULL,
  input_digest bytea NOT NULL, parent_execution_id bytea NOT NULL, kind integer NOT NULL, sequence bigint NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX execution_by_time ON execution (started_at_us, execution_id);
CREATE INDEX execution_by_workflow ON execution (namespace, workflow, phase, started_at_us, execution_id);
CREATE INDEX execution_by_subject ON execution (namespace, subject, started_at_us, execution_id) WHERE subject <> '';
CREATE INDEX execution_owing ON execution (shard, started_at_us, execution_id) WHERE owes;

-- By the time of the commit, so that what is old goes as a whole. The rest holds what no partition was made for; each
-- partition has an index of its own that tells rows apart, since one over all would have to begin with the time.
CREATE TABLE history (
  execution_id bytea NOT NULL, sequence bigint NOT NULL, last_sequence bigint NOT NULL, commit_number bigint NOT NULL,
  shard integer NOT NULL, committed_at_us bigint NOT NULL, data bytea NOT NULL
) PARTITION BY RANGE (committed_at_us);
CREATE INDEX history_by_commit ON history (shard, commit_number);
CREATE TABLE history_rest PARTITION OF history DEFAULT;
CREATE UNIQUE INDEX history_rest_by_execution ON history_rest (execution_id, sequence) INCLUDE (last_sequence);

CREATE TABLE snapshot (
  execution_id bytea PRIMARY KEY, sequence bigint NOT NULL, committed_at_us bigint NOT NULL, data bytea NOT NULL
);

CREATE TABLE timer (
  execution_id bytea NOT NULL, timer_id text COLLATE "C" NOT NULL, shard integer NOT NULL, due_at_us bigint NOT NULL,
  PRIMARY KEY (execution_id, timer_id)
) WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX timer_by_due ON timer (shard, due_at_us, execution_id, timer_id);

CREATE TABLE rejection (
  shard integer NOT NULL, log_offset bigint NOT NULL, time_us bigint NOT NULL, error bytea NOT NULL,
  PRIMARY KEY (shard, log_offset)
);
CREATE INDEX rejection_by_time ON rejection (time_us);

CREATE TABLE dead_letter (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, shard integer NOT NULL,
  execution_id text COLLATE "C" NOT NULL, namespace text COLLATE "C" NOT NULL, kind text COLLATE "C" NOT NULL,
  item bytea NOT NULL, error text COLLATE "C" NOT NULL, time_us bigint NOT NULL
);

CREATE TABLE definition (
  namespace text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL, version text COLLATE "C" NOT NULL,
  digest text COLLATE "C" NOT NULL, document bytea NOT NULL, published_at_us bigint NOT NULL,
  profile text COLLATE "C" NOT NULL, revision bigint NOT NULL UNIQUE, listens bytea NOT NULL,
  PRIMARY KEY (namespace, name, version)
);

-- The text of a filter, once for all lanes, by its digest.
CREATE TABLE shape (shape_id bytea PRIMARY KEY, text bytea NOT NULL);

-- Who waits, in the order in which an event looks for them.
CREATE TABLE subscription (
  lane bytea NOT NULL, execution_id bytea NOT NULL, subscription_id text COLLATE "C" NOT NULL,
  shape_id bytea NOT NULL, key bytea NOT NULL, shard integer NOT NULL, since_us bigint NOT NULL,
  PRIMARY KEY (lane, execution_id, subscription_id)
) WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX subscription_by_shape ON subscription (lane, shape_id, key, execution_id, subscription_id);

CREATE TABLE lane_event (
  lane bytea NOT NULL, digest bytea NOT NULL, shard integer NOT NULL, received_at_us bigint NOT NULL,
  expires_at_us bigint NOT NULL, data bytea NOT NULL, PRIMARY KEY (lane, digest)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX lane_event_by_time ON lane_event (lane, received_at_us, digest);
CREATE INDEX lane_event_by_expiry ON lane_event (expires_at_us);

CREATE TABLE lane_seen (
  lane bytea NOT NULL, digest bytea NOT NULL, shard integer NOT NULL, expires_at_us bigint NOT NULL,
  PRIMARY KEY (lane, digest)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX lane_seen_by_expiry ON lane_seen (expires_at_us);

CREATE TABLE counter (
  lane bytea NOT NULL, name text COLLATE "C" NOT NULL, shard integer NOT NULL, value bytea NOT NULL,
  PRIMARY KEY (lane, name)
);

CREATE TABLE outbox (
  shard integer NOT NULL, sequence bigint NOT NULL, target_shard integer NOT NULL, data bytea NOT NULL,
  PRIMARY KEY (shard, sequence)
) WITH (autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE peer (
  shard integer NOT NULL, source_shard integer NOT NULL, sequence bigint NOT NULL, PRIMARY KEY (shard, source_shard)
);

CREATE TABLE cursor (
  name text COLLATE "C" NOT NULL, shard integer NOT NULL, commit_number bigint NOT NULL, PRIMARY KEY (name, shard)
);
