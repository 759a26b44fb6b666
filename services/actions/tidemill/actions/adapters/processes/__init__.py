"""Programs of workflows: `run: shell`, `script` and `container`, off until a setting turns them on."""
