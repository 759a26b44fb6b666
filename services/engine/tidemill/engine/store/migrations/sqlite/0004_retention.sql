-- The number of the last event when the row was written, for when its history is gone.
ALTER TABLE execution ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;
