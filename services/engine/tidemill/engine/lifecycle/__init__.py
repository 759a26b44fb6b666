"""Lifecycle events: history as CloudEvents, for subscribers and for an HTTP sink."""
