# The one entrance for people and for CI: `make help` lists the targets. Needs make, git and Python 3.11+.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
# The parts of `check` come in order, so that the tests' closing line is the last.
.NOTPARALLEL:

# The first Python on the path that is new enough; `make PYTHON=...` overrides it.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$name"; break; }; done)
BIN := .venv/bin
INSTALLED := .venv/.installed
PYTEST := $(BIN)/python -m pytest
# The pinned pip comes first: those of older Pythons take twice as long to choose among versions. What is imported is
# compiled to bytecode then, which is a small part of what is installed.
PIP_INSTALL := $(BIN)/python -m pip install -q --disable-pip-version-check --no-compile -c constraints.txt
# Most tests wait for a disk or for a clock. Those of one file share servers, so they stay together, in the order in
# which tests/conftest.py puts the files.
SIDE_BY_SIDE := -n 2 --dist loadfile --no-loadscope-reorder
# Builds the compiled core where it is not current, and runs what follows with it; all else runs the pure one.
COMPILED := $(BIN)/python scripts/compile_core.py
# What takes long, crashes above all, is about the shell around the core: `test-compiled` has that too.
ABOUT_THE_CORE := tests/unit/core tests/unit/engine tests/unit/repo/test_compiled_core.py tests/histories \
	$(patsubst %,tests/simulation/test_%.py,fold stories features snapshots yields reachability)

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: setup
setup: $(INSTALLED) ## Make .venv and install the project with everything that it needs, pinned

# Done again only when the pins or the project's metadata change.
$(INSTALLED): pyproject.toml constraints.txt
	@[ -n "$(PYTHON)" ] || [ -x $(BIN)/python ] || { echo "Python 3.11 or newer is needed, and none is on the path" >&2; exit 1; }
	@[ -x $(BIN)/pip ] || $(PYTHON) -m venv --clear .venv || $(PYTHON) -m virtualenv -q .venv || { \
		echo "cannot make a virtual environment: $(PYTHON) lacks 'venv' or 'ensurepip'" \
			"(on Debian and Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	$(PIP_INSTALL) pip hatchling
	$(PIP_INSTALL) --no-build-isolation -e '.[dev]'
	@touch $@

.PHONY: servers
servers: setup ## Fetch the Kafka broker and the S3 server that tests start (Postgres comes with the packages)
	@$(BIN)/python -m tidemill.testing.servers

.PHONY: proto
proto: setup ## Format the contracts and generate gen/ from them
	scripts/contracts generate

.PHONY: proto-land
proto-land: proto ## Make today's contracts the ones that no later change may break
	scripts/contracts land

.PHONY: format
format: setup ## Format all code
	$(BIN)/ruff check -q --fix-only .
	$(BIN)/ruff format -q .
	$(BIN)/buf format -w

.PHONY: lint
lint: setup ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: types
types: setup ## Check types (mypy, strict)
	$(BIN)/mypy

# Each keeps one processor busy for as long.
.PHONY: types-and-core
types-and-core: setup
	@$(COMPILED) & compiling=$$!; $(BIN)/mypy || failed=1; wait $$compiling || failed=1; exit $${failed:-0}

.PHONY: test
test: setup ## Run every test: unit, contract, simulation, histories, cost, end to end
	$(PYTEST) $(SIDE_BY_SIDE)

.PHONY: compiled
compiled: setup ## Compile the engine's core with mypyc into build/compiled; needs a C compiler
	@$(COMPILED)

.PHONY: test-compiled
test-compiled: setup ## Run every test with the compiled core
	$(COMPILED) $(PYTEST) $(SIDE_BY_SIDE)

.PHONY: check-compiled
check-compiled: setup ## Run the tests of the core with the compiled one
	$(COMPILED) $(PYTEST) $(SIDE_BY_SIDE) $(ABOUT_THE_CORE)

.PHONY: unit
unit: setup ## Run the unit tests alone
	$(PYTEST) tests/unit

.PHONY: contract
contract: setup ## Run the suites that every implementation of a port must pass
	$(PYTEST) tests/contract

.PHONY: e2e
e2e: setup ## Run the tests of whole processes alone
	$(PYTEST) tests/e2e

.PHONY: simulate
simulate: setup ## Play SEEDS=1000 seeds of a cluster on a virtual clock, with faults; a failing one says how to repeat it
	$(BIN)/python -m tests.simulation.simulate --seeds $(or $(SEEDS),1000) --new

.PHONY: soak
soak: setup ## Run 20,000 executions while real processes are killed, paused and restarted; writes docs/reports/soak.md
	mkdir -p docs/reports
	$(BIN)/python -m tidemill.testing.faults --executions 20000 --seconds 250 --rounds 4 --report docs/reports/soak.md

.PHONY: demo
demo: setup ## Run real workflows through three services, kill one midway, and count what was lost or doubled
	$(BIN)/python -m examples.demo

.PHONY: dev
dev: setup ## Run all services on this machine until Ctrl-C
	$(BIN)/tidemill dev

.PHONY: stack
stack: setup ## Run docker-compose.yml as plain processes, Kafka and Postgres among them, until Ctrl-C
	$(BIN)/python -m tidemill.testing.compose $(STACK_OPTIONS) up

.PHONY: demo-stack
demo-stack: setup ## Run the demo against docker-compose.yml as plain processes
	$(BIN)/python -m tidemill.testing.compose $(STACK_OPTIONS) run demo

SCENARIOS ?= short

.PHONY: bench
bench: setup ## Measure the whole stack: SCENARIOS="throughput ..." or all, STACK=kafka, RUNS=5, REPORT=docs/performance
	$(BIN)/tidemill bench $(SCENARIOS:%=--scenario %) $(if $(STACK),--stack $(STACK)) $(if $(RUNS),--runs $(RUNS)) \
		$(if $(REPORT),--report $(REPORT)) $(BENCH_OPTIONS)

.PHONY: bench-baseline
bench-baseline: setup ## Write down what a step costs today; tests fail when later steps cost much more
	$(BIN)/python -m tests.cost.baseline

.PHONY: docs
docs: setup ## Write the tables of docs/ that are made from code
	$(BIN)/python scripts/telemetry_docs.py

.PHONY: pins
pins: setup ## Write constraints.txt from what is installed, after a change of dependencies
	$(BIN)/python scripts/pins.py

.PHONY: verify
verify: setup ## Check contracts, generated code, import boundaries and generated docs
	scripts/contracts check
	$(BIN)/lint-imports --no-cache
	$(BIN)/python scripts/telemetry_docs.py --check

.PHONY: check
check: verify lint types-and-core check-compiled test ## All that CI runs
