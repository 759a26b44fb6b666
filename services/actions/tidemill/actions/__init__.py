"""The Action service: makes calls to the outside, each under an idempotency key, with a ledger of effects."""
