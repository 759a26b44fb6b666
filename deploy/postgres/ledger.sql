-- Run once, when the volume of Postgres is new: the Action service keeps its ledger in a database of its own.
CREATE DATABASE tidemill_actions;
