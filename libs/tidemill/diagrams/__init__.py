"""Diagrams of definitions and of the paths that executions took, as text, as Mermaid, and as JSON. Pure."""
