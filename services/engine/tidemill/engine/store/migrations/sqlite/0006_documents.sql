-- Documents from outside as they were when definitions that name them were published, each content once; and which of
-- them are a definition's.
CREATE TABLE document (digest TEXT PRIMARY KEY, content BLOB NOT NULL);
ALTER TABLE definition ADD COLUMN pinned BLOB NOT NULL DEFAULT x'';
