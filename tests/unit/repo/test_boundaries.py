"""The import contracts: they hold, and each refuses an import that is planted against it."""

from pathlib import Path
from typing import Any

import grimp
import pytest
from importlinter import Contract
from importlinter.api import read_configuration
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.protected import ProtectedContract

ROOT = Path(__file__).parents[3]
CONFIGURATION = read_configuration(str(ROOT / ".importlinter"))
KINDS: dict[str, type[Contract]] = {"forbidden": ForbiddenContract, "protected": ProtectedContract}
CORE = "tidemill.engine.core.commands"


def contract_of(options: dict[str, Any]) -> Contract:
    return KINDS[options["type"]](options["name"], CONFIGURATION["session_options"], options)


CONTRACTS = {options["id"]: contract_of(options) for options in CONFIGURATION["contracts_options"]}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("tidemill", include_external_packages=True, cache_dir=None)


def keeps(contract: Contract, graph: grimp.ImportGraph) -> bool:
    return contract.check(graph, verbose=False).kept


@pytest.mark.parametrize("identifier", CONTRACTS)
def test_a_contract_holds(identifier: str, graph: grimp.ImportGraph) -> None:
    assert keeps(CONTRACTS[identifier], graph)


@pytest.mark.parametrize(
    ("identifier", "importer", "imported"),
    [
        ("core-is-pure", CORE, "asyncio"),
        ("core-is-pure", CORE, "grpc"),
        ("core-is-pure", CORE, "sqlite3"),
        ("core-is-pure", CORE, "time"),
        ("core-is-pure", CORE, "random"),
        ("core-is-pure", CORE, "logging"),
        ("core-is-pure", CORE, "tidemill.clock"),
        ("core-is-pure", CORE, "tidemill.unique"),
        ("core-is-pure", "tidemill.civil.zones", "time"),
        ("engine-stands-alone", "tidemill.triggers", "tidemill.engine"),
        ("engine-stands-alone", "tidemill.errors", CORE),
        ("triggers-stands-alone", CORE, "tidemill.triggers"),
        ("actions-stands-alone", "tidemill.rpc.server", "tidemill.actions"),
    ],
)
def test_a_contract_refuses_what_is_planted_against_it(
    identifier: str, importer: str, imported: str, graph: grimp.ImportGraph
) -> None:
    assert {importer, imported.partition(".")[0]} <= graph.modules | {"tidemill"}
    graph.add_import(importer=importer, imported=imported, line_number=1, line_contents="planted")
    try:
        assert not keeps(CONTRACTS[identifier], graph)
    finally:
        graph.remove_import(importer=importer, imported=imported)


def test_every_service_is_protected() -> None:
    services = {path.name for path in (ROOT / "services").iterdir() if path.is_dir()}
    assert {f"{service}-stands-alone" for service in services} <= set(CONTRACTS)
