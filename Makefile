# Needs Python 3.11 or newer with venv, and make; nothing else. `make help` lists the targets.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
# Tests that take seconds are the default; the others have targets of their own.
QUICK := not slow and not faults and not servers
PYTEST := $(RUN)/python -m pytest
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup demo test slow faults lint format types layers bench screenshots lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## Create .venv and install what is locked, by hash

demo: $(VENV)/.installed ## Run a campaign of several weeks in two minutes, with the live page
	@$(RUN)/forbear demo

test: $(VENV)/.installed $(VENV)/.browser ## Run the tests (a few minutes)
	$(PYTEST) -n $(WORKERS) -m "$(QUICK)"

slow: $(VENV)/.installed $(VENV)/.browser $(VENV)/.servers ## Run the slow suites: installed wheel, real servers, faults
	$(PYTEST) -m "slow or servers or faults"

faults: $(VENV)/.installed ## Of these, only those that kill, flush and restart real processes
	$(PYTEST) -m faults

lint: $(VENV)/.installed ## Check style and format
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .

format: $(VENV)/.installed ## Put style and format right where a tool can
	$(RUN)/ruff check --fix .
	$(RUN)/ruff format .

types: $(VENV)/.installed ## Check types
	$(RUN)/mypy

layers: $(VENV)/.installed ## Check that the folders import each other only downwards
	$(RUN)/lint-imports --no-cache

bench: $(VENV)/.installed ## Measure: one JSON and a table, each figure beside a raw baseline
	@$(RUN)/python -m bench

screenshots: $(VENV)/.installed $(VENV)/.browser ## Take the pictures in docs/images anew, from a demo
	@$(RUN)/python -m docs.images.take

# Hashes and no addresses, for Linux x86_64 and aarch64 and macOS at once.
COMPILE := $(VENV)/tools/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --upgrade

lock: ## Renew the locked dependencies
	$(PYTHON) -m venv $(VENV)/tools
	$(VENV)/tools/bin/pip install --quiet --upgrade uv
	$(COMPILE) pyproject.toml --output-file requirements/runtime.lock
	$(COMPILE) pyproject.toml --extra dev --output-file requirements/dev.lock

clean: ## Remove .venv and caches; the state folder, with its databases and keys, stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.installed: requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys, venv; sys.exit(sys.version_info < (3, 11) and "Forbear needs Python 3.11 or newer.")'
	@echo "Installing the locked packages into $(VENV), which takes a minute or so."
	@$(PYTHON) -m venv $(VENV)
	@$(RUN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@$(RUN)/python -m pip install -qq --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

$(VENV)/.browser $(VENV)/.servers: $(VENV)/.%: .ci/packages $(VENV)/.installed
	@sh .ci/packages $*
	@touch $@
