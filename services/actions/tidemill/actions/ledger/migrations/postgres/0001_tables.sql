-- The effect ledger: what was claimed, by whom, and what came of it; and which replicas live.
CREATE TABLE call (
  -- Sixteen bytes that stand for the key, which is several times as long.
  key_hash bytea NOT NULL,
  attempt integer NOT NULL,
  number bigint GENERATED ALWAYS AS IDENTITY,
  key text NOT NULL,
  digest bytea NOT NULL,
  token bigint NOT NULL,
  lease_until_us bigint NOT NULL,
  -- The replica that claimed it; 0 where the claim stands in no later attempt's way.
  holder bigint NOT NULL,
  state smallint,
  output bytea,
  error bytea,
  settled_at_us bigint,
  PRIMARY KEY (key_hash, attempt)
);

-- One claim of a key at a time: of two replicas that claim it at once, one gets no row.
CREATE UNIQUE INDEX call_claimed ON call (key_hash) WHERE state IS NULL AND holder <> 0;
CREATE INDEX call_settled ON call (settled_at_us) WHERE settled_at_us IS NOT NULL;

CREATE TABLE replica (
  token bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  -- By this server's clock.
  lease_until timestamptz NOT NULL
);
