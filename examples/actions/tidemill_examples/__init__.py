"""Example actions for Tidemill."""
