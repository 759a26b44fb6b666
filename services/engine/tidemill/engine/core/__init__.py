"""The pure core: `decide` turns a command into events and effects, `apply` turns an event into state."""
