-- One process alone opens the file, so that its lease need not be on the disk, where each renewal was a commit.
DROP TABLE lease;
