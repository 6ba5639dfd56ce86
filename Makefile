# The commands of the README. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

.PHONY: help
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/.installed: pyproject.toml requirements-dev.lock
	@echo "==> the Python environment from the lock file (about 1 minute the first time)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "python3's venv module is missing: install python3-venv" >&2; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@touch $@

.PHONY: install
install: $(VENV)/.installed ## the environment from the lock files, in .venv

.PHONY: lock
lock: install ## write the lock files anew from pyproject.toml
	$(COMPILE) --output-file requirements.lock
	$(COMPILE) --group dev --output-file requirements-dev.lock

.PHONY: cluster
cluster: install ## a control plane with the CRDs, left running; the last line is its kubeconfig's path
	@$(BIN)/python -m tests.cluster start

.PHONY: cluster-stop
cluster-stop: install ## end what `make cluster` left running
	@$(BIN)/python -m tests.cluster stop
