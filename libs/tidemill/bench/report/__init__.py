"""The report of a benchmark: a document for machines, and a page with tables and a picture for people."""
