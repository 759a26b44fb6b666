"""The demo: real workflows through three services, one of them killed midway, and everything counted."""
