-- Which commands of a shard's log are applied behind the next one: lanes overtake each other there. A bit for each offset
-- from the next one on, the lowest of the first byte first.
ALTER TABLE shard ADD COLUMN log_ahead bytea NOT NULL DEFAULT '';
