"""Tells `tidemill check` what the Engine has stored: read-only, in bounded memory, also while engines run."""
