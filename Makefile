# One command for each verb. `make help` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help run test check bench format schema lock clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Segue needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another one with: make PYTHON=/path/to/python3 run")'
	@echo "Installing Segue's packages into $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@touch $@

run: $(READY) ## start everything that is missing and serve http://127.0.0.1:8000/graphql (PORT changes it)
	@exec $(BIN)/python gateway.py serve --demo

test: $(READY) ## everything that must pass; starts its own stores
	@$(BIN)/python -m pytest

check: $(READY) ## formatting, lint, types, import direction
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy .
	@$(BIN)/lint-imports --no-logo

format: $(READY) ## rewrite the code as `make check` wants it
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

schema: $(READY) ## print the graph's SDL into schema/schema.graphql
	@$(BIN)/python gateway.py schema > schema/schema.graphql

bench: $(READY) ## print how fast ingest, sessions, libraries and subscriptions are on this machine
	@$(BIN)/python -m benchmarks.ingest
	@$(BIN)/python -m benchmarks.accounts
	@$(BIN)/python -m benchmarks.library
	@$(BIN)/python -m benchmarks.subscriptions

lock: ## choose the newest allowed packages and write requirements.lock
	@rm -rf $(VENV)-lock && $(PYTHON) -m venv $(VENV)-lock
	@$(PYTHON) -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb")); print(*p["project"]["dependencies"], *p["dependency-groups"]["dev"], sep="\n")' > $(VENV)-lock/wanted
	@$(VENV)-lock/bin/python -m pip install --quiet --disable-pip-version-check -r $(VENV)-lock/wanted
	@$(VENV)-lock/bin/python -m pip freeze > requirements.lock
	@rm -rf $(VENV)-lock

clean: ## remove the environment; the data in .data stays
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
