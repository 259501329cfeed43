# `make help` lists the targets. Each one does its own set-up in .venv.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

ROOMS := handler converters dashboards events local bench tests
PROTOS := $(wildcard converters/schema/*.proto)

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements-run.txt | $(BIN)/python
	$(BIN)/pip install --quiet --require-hashes --requirement requirements-run.txt
	touch $@

$(VENV)/dev.stamp: requirements-dev.txt | $(BIN)/python
	$(BIN)/pip install --quiet --require-hashes --requirement requirements-dev.txt
	touch $@ $(VENV)/run.stamp

# The Runtime Interface Emulator ships inside aws-sam-cli; nothing else of it is installed.
$(VENV)/emulator.stamp: requirements-emulator.txt | $(BIN)/python
	$(BIN)/pip install --quiet --require-hashes --no-deps --upgrade \
		--target $(VENV)/emulator --requirement requirements-emulator.txt
	touch $@

.PHONY: run
run: $(VENV)/run.stamp ## Invoke the function with the sample events (or EVENT=file) and show what arrives (or LISTENER=url)
	@$(BIN)/python -m local.run $(if $(EVENT),--event "$(EVENT)") $(if $(LISTENER),--listener "$(LISTENER)")

.PHONY: test
test: $(VENV)/dev.stamp $(VENV)/emulator.stamp ## Run all tests (ARGS="-k name" for some)
	$(BIN)/python -m pytest -n 2 $(ARGS)

.PHONY: lint
lint: $(VENV)/dev.stamp ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(ROOMS)

.PHONY: bench
bench: $(VENV)/dev.stamp ## Measure speed, memory and import time; the table goes to docs/performance.md
	$(BIN)/python -m bench

.PHONY: events
events: $(VENV)/run.stamp ## Write the sample events anew
	$(BIN)/python -m events.make

.PHONY: proto
proto: $(VENV)/dev.stamp ## Generate the protobuf classes beside their schemas
	$(BIN)/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. $(PROTOS)

.PHONY: lock
lock: $(VENV)/dev.stamp ## Pin all requirements anew, with hashes (needs uv on the PATH)
	for name in requirements requirements-run requirements-dev; do \
		uv pip compile $$name.in --universal --python-version 3.11 --generate-hashes \
			--no-emit-index-url --no-header --quiet --output-file $$name.txt $(UPGRADE) || exit 1; \
	done
	uv pip compile requirements-emulator.in --no-deps --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --quiet --output-file requirements-emulator.txt $(UPGRADE)

.PHONY: clean
clean: ## Remove what the other targets made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
