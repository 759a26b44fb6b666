-- Documents from outside as they were when definitions that name them were published, each content once; and which of
-- them are a definition's.
CREATE TABLE document (digest text COLLATE "C" PRIMARY KEY, content bytea NOT NULL);
ALTER TABLE definition ADD COLUMN pinned bytea NOT NULL DEFAULT '';
