"""Telemetry: metrics, traces and logs, whose names all stand in `names.py`."""
