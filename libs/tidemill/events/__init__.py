"""CloudEvents and the filters on them, as the services share them. Pure."""
