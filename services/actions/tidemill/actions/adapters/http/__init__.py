"""The action `http`: the DSL's `call: http`."""
