"""Clients of a stack."""

from tidemill.client.addresses import Addresses
from tidemill.client.calls import Patience
from tidemill.client.client import Client
from tidemill.stack.layout import Layout


def addresses_of(layout: Layout) -> Addresses:
    """Where the stack's services are."""
    return Addresses(layout.address("engine"), layout.address("triggers"), layout.address("actions"))


def client_of(layout: Layout, *, patience: Patience | None = None) -> Client:
    """A client of the stack; use it inside `async with`."""
    return Client(addresses_of(layout), patience=patience)
