# Every target works from a fresh clone: scripts/bootstrap makes .venv when it is missing or out of date.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.SUFFIXES:

BIN := .venv/bin
# Options for pytest, such as PYTEST="-k relay -x".
PYTEST ?=
# What to measure and how, such as BENCH="lifecycle relay --peers" or BENCH=--quick.
BENCH ?=
QUICK := not containers and not (faults and slow)
# Poetry reads no settings of the user and asks no one: only the file is checked.
POETRY_ALONE := POETRY_CONFIG_DIR=.venv/poetry POETRY_CACHE_DIR=.venv/poetry POETRY_NO_INTERACTION=1

.PHONY: help demo up test test-slow test-containers faults check contract bench format lock migrate clean environment

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: environment ## Take one task through the whole system, started for real (FILE=some.log takes another input)
	@exec $(BIN)/bureau demo $(if $(FILE),"$(FILE)")

up: environment ## Run the service on this machine until Ctrl-C; data is kept in .bureau/
	@exec $(BIN)/bureau up

test: environment ## Run the tests against real servers, with coverage (PYTEST="..." adds options)
	@$(BIN)/coverage erase
	$(BIN)/python -m pytest -m "$(QUICK)" --numprocesses=auto --cov --cov-report=term $(PYTEST)
	$(BIN)/coverage report --include='domain/*' --fail-under=95

test-slow: environment ## Run what kills and restores for more than ten seconds a test, which `make test` leaves out
	$(BIN)/python -m pytest -m "faults and slow" --numprocesses=auto $(PYTEST)

test-containers: environment ## Build the image, run the composed service and test it (needs a container engine; minutes)
	@exec $(BIN)/python -m pytest -m containers $(PYTEST)

faults: environment ## Kill and stop processes and servers at every step, for minutes (BUREAU_FAULT_KILLS=... and others)
	$(BIN)/python -m pytest -m faults -k "not storm" --numprocesses=auto $(PYTEST)
	$(BIN)/python -m pytest -m hypothesis --hypothesis-profile=random --numprocesses=auto $(PYTEST)
	BUREAU_FULL_FAULTS=1 $(BIN)/python -m pytest tests/faults/test_storm.py tests/model tests/work -m faults -s $(PYTEST)

check: environment ## Check format, lint, types, import rules, the events' contract and package metadata
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m tests.documentation.contract_files --check
	$(POETRY_ALONE) $(BIN)/poetry check

contract: environment ## Write the events' contract anew into docs/; refuses what would hurt readers
	@$(BIN)/python -m tests.documentation.event_reference
	@exec $(BIN)/python -m tests.documentation.contract_files

bench: environment ## Measure the line, each figure beside a floor of the same run (BENCH="lifecycle --peers" adds peers)
	@exec $(BIN)/python -m benchmarks $(BENCH)

format: environment ## Format the code and apply the safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## Renew the locked requirements (LOCK="--upgrade" takes newer versions)
	@scripts/lock $(LOCK)

migrate: environment ## Bring the database to the newest schema
	@exec $(BIN)/bureau migrate

clean: ## Remove the environments and caches; data in .bureau/ stays
	rm -rf .venv .venv-bootstrap .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist
	rm -f .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Asked every time, as it takes 20 ms to see that nothing is to be done.
environment:
	@scripts/bootstrap
