# `make help` lists the targets. Each one does its own set-up in .venv.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

PACKAGES := handler converters replay extension testing tools tests
# The oldest Python that mypy knows; that the extension runs on 3.9 is for the tests to show.
OLDEST_CHECKED := 3.10
PROTOS := $(wildcard converters/schema/*.proto)

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# An environment that was begun and not completed would be taken for a whole one.
$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || \
		{ echo "there is no $(PYTHON) here: install Python 3.11 or later, or name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is too old: name Python 3.11 or later with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
		{ echo "$(PYTHON) cannot make environments: install python3-venv (Debian and Ubuntu)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/run.stamp: requirements/run.txt | $(BIN)/python
	$(BIN)/pip install --quiet --require-hashes --requirement requirements/run.txt
	touch $@

$(VENV)/dev.stamp: requirements/dev.txt | $(BIN)/python
	$(BIN)/pip install --quiet --require-hashes --requirement requirements/dev.txt
	touch $@ $(VENV)/run.stamp

# The Runtime Interface Emulator ships inside aws-sam-cli; nothing else of it is installed.
$(VENV)/emulator.stamp: requirements/emulator.txt | $(BIN)/python
	$(BIN)/pip install --quiet --require-hashes --no-deps --upgrade \
		--target $(VENV)/emulator --requirement requirements/emulator.txt
	touch $@

.PHONY: run
run: $(VENV)/run.stamp ## Invoke the function with the sample events (or EVENT=file) and show what arrives (or LISTENER=url)
	@$(BIN)/python -m tools.run $(if $(EVENT),--event "$(EVENT)") $(if $(LISTENER),--listener "$(LISTENER)")

.PHONY: run-logs
run-logs: $(VENV)/run.stamp ## Run a sample function with the logs extension under fake Lambda services
	@$(BIN)/python -m tools.run_logs $(ARGS)

.PHONY: test
test: $(VENV)/dev.stamp $(VENV)/emulator.stamp ## Run all tests (ARGS="-k name" for some)
	$(BIN)/python -m pytest -n 3 $(ARGS)

.PHONY: test-load
test-load: $(VENV)/dev.stamp ## Run the large and long tests of the logs extension at full size (about ten minutes)
	EXTENSION_LOAD=full $(BIN)/python -m pytest -n 1 tests/extension_load

.PHONY: lint
lint: $(VENV)/dev.stamp ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(PACKAGES)
	$(BIN)/mypy --python-version $(OLDEST_CHECKED) extension

.PHONY: bench
bench: $(VENV)/dev.stamp $(VENV)/emulator.stamp ## Measure speed, memory and import time; the table goes to docs/performance.md
	$(BIN)/python -m tools.bench

.PHONY: chaos
chaos: $(VENV)/dev.stamp $(VENV)/emulator.stamp ## Deliver 2,000 batches under faults and account for every sample (ARGS="--seed 2 --keep folder")
	@$(BIN)/python -m tools.chaos $(ARGS)

# Beside the environment and not in it: only fuzzing sees it.
$(VENV)/fuzz.stamp: requirements/fuzz.txt | $(BIN)/python
	$(BIN)/pip install --quiet --require-hashes --no-deps --upgrade \
		--target $(VENV)/fuzz --requirement requirements/fuzz.txt
	touch $@

FOR ?= 60

.PHONY: fuzz
fuzz: $(VENV)/dev.stamp $(VENV)/fuzz.stamp ## Fuzz all targets for FOR=60 seconds together (or TARGET=name)
	@$(BIN)/python -m tools.fuzz --for $(FOR) $(if $(TARGET),--target $(TARGET))

.PHONY: hostile
hostile: $(VENV)/dev.stamp ## Measure what hostile events take; the table goes to docs/reliability.md
	$(BIN)/python -m tools.fuzz.hostile

MINUTES ?= 30

.PHONY: load
load: $(VENV)/dev.stamp ## Load one instance for MINUTES=30; the table goes to docs/reliability.md
	$(BIN)/python -m tools.load --minutes $(MINUTES)

# The interpreter and the processor of the function in template.yaml.
RUNTIME_PYTHON := 3.13
RUNTIME_INTERPRETER ?= $(firstword $(wildcard $(HOME)/.pyenv/versions/$(RUNTIME_PYTHON).*/bin/python) \
	python$(RUNTIME_PYTHON))
ARCHITECTURE ?= arm64
WHEELS_arm64 := aarch64
WHEELS_x86_64 := x86_64
WHEELS := $(WHEELS_$(ARCHITECTURE))

# Without dependencies: the locks are complete, and pip takes an extra of SAM's for unpinned.
$(VENV)/tools.stamp: requirements/tools.txt requirements/checkov.txt | $(BIN)/python
	$(BIN)/python -m venv $(VENV)/tools && $(VENV)/tools/bin/pip install --quiet --require-hashes \
		--no-deps --requirement requirements/tools.txt
	$(BIN)/python -m venv $(VENV)/checkov && $(VENV)/checkov/bin/pip install --quiet --require-hashes \
		--no-deps --requirement requirements/checkov.txt
	touch $@

.PHONY: build-tools
build-tools: $(VENV)/tools.stamp ## Put sam, cfn-lint and checkov into .venv (takes over a minute)

export SAM_CLI_TELEMETRY := 0
SAM := $(VENV)/tools/bin/sam

.PHONY: build
build: $(VENV)/tools.stamp ## Build what is deployed with SAM (ARCHITECTURE=arm64 or x86_64)
	ARCHITECTURE=$(ARCHITECTURE) $(SAM) build --parameter-overrides Architecture=$(ARCHITECTURE)
	@echo "Built for $(ARCHITECTURE): deploy it with the parameter Architecture=$(ARCHITECTURE), as \`make deploy\` does."

# SAM calls this, with the folder to fill in ARTIFACTS_DIR. Wheels of both platform
# tags: some packages are built for the newer one alone. What runs and nothing else.
.PHONY: build-MetricStreamFunction
build-MetricStreamFunction: | $(BIN)/python
	$(if $(ARTIFACTS_DIR),,$(error ARTIFACTS_DIR must name the folder to fill; `make build` does))
	$(if $(WHEELS),,$(error ARCHITECTURE must be arm64 or x86_64))
	$(BIN)/pip install --quiet --require-hashes --no-deps --only-binary :all: \
		--implementation cp --python-version $(RUNTIME_PYTHON) \
		--platform manylinux_2_28_$(WHEELS) --platform manylinux2014_$(WHEELS) \
		--no-compile --target "$(ARTIFACTS_DIR)" --requirement requirements/function.txt
	cp -R handler converters replay "$(ARTIFACTS_DIR)/"
	find "$(ARTIFACTS_DIR)" \( -name __pycache__ -o -name '*.pyi' -o -name '*.proto' -o -name bin \
		-o -name tests \) -prune -exec rm -rf {} +
	if $(RUNTIME_INTERPRETER) -c '' 2>/dev/null; then \
		$(RUNTIME_INTERPRETER) -m compileall -q --invalidation-mode unchecked-hash \
			-s "$(ARTIFACTS_DIR)" -p /var/task "$(ARTIFACTS_DIR)"; \
	else echo "no python$(RUNTIME_PYTHON) here: without .pyc files a cold start takes longer"; fi

# Both functions have the same code; each has a handler of its own.
.PHONY: build-ReplayFunction
build-ReplayFunction: build-MetricStreamFunction

# Lambda reads the files as another user than the one who wrote them.
.PHONY: package
package: | $(BIN)/python ## Write dist/metric-stream-lambda.zip, for deployments without SAM
	rm -rf build/function dist/metric-stream-lambda.zip
	mkdir -p build/function dist
	$(MAKE) build-MetricStreamFunction ARTIFACTS_DIR="$(CURDIR)/build/function"
	chmod -R a+rX build/function
	cd build/function && "$(CURDIR)/$(BIN)/python" -m zipfile -c "$(CURDIR)/dist/metric-stream-lambda.zip" *
	@du -h dist/metric-stream-lambda.zip

# SAM calls this, as it calls build-MetricStreamFunction.
.PHONY: build-LogsExtensionLayer
build-LogsExtensionLayer: | $(BIN)/python
	$(if $(ARTIFACTS_DIR),,$(error ARTIFACTS_DIR must name the folder to fill; `make build` does))
	$(BIN)/python -m tools.layer "$(ARTIFACTS_DIR)"

.PHONY: layer
layer: | $(BIN)/python ## Write dist/logs-extension.zip, for any Python function
	rm -rf build/layer dist/logs-extension.zip
	@$(BIN)/python -m tools.layer build/layer --zip dist/logs-extension.zip

# Checkov sees only what the defaults make, so it gets the template with each ingress as default,
# and with a token that makes the function ship its logs.
.PHONY: validate
validate: $(VENV)/tools.stamp ## Check template.yaml with SAM, cfn-lint and checkov
	AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint
	$(VENV)/tools/bin/cfn-lint template.yaml
	mkdir -p build/validate
	for ingress in HttpApi RestApi FunctionUrl Transformation; do \
		sed -e "s/^    Default: HttpApi$$/    Default: $$ingress/" \
			-e '/^  LogsToken:/,/^  LogsTokenSecretArn:/s/Default: ""/Default: "token"/' \
			template.yaml >build/validate/$$ingress.yaml && \
		$(VENV)/checkov/bin/checkov --file build/validate/$$ingress.yaml --framework cloudformation \
			--compact --quiet --skip-download || exit 1; \
	done

# An environment of its own: what pip-audit brings along is not what runs or is tested.
$(VENV)/audit.stamp: requirements/audit.txt | $(BIN)/python
	$(BIN)/python -m venv $(VENV)/audit && $(VENV)/audit/bin/pip install --quiet --require-hashes \
		--no-deps --requirement requirements/audit.txt
	touch $@

.PHONY: audit
audit: $(VENV)/audit.stamp ## Look up all locked packages' vulnerabilities; write dist/sbom.cdx.json
	mkdir -p dist
	$(VENV)/audit/bin/cyclonedx-py requirements requirements/function.txt --pyproject pyproject.toml \
		--output-reproducible --output-file dist/sbom.cdx.json
	for lock in requirements/*.txt; do \
		echo "$$lock"; $(VENV)/audit/bin/pip-audit --disable-pip --require-hashes --requirement $$lock $(ARGS) || exit 1; \
	done

# The stack's parameters, one `Name: value` a line; those that are left out keep the stack's value.
PARAMETERS ?= $(wildcard parameters.yaml)
STACK ?= metric-stream-lambda

# SAM passes a name over that the template does not have.
.PHONY: check-parameters
check-parameters:
	@test -z "$(PARAMETERS)" || test -f "$(PARAMETERS)" || \
		{ echo "there is no file $(PARAMETERS)" >&2; exit 1; }
	@for name in $$(test -z "$(PARAMETERS)" || sed -n 's/^\([A-Za-z0-9]*\):.*/\1/p' "$(PARAMETERS)"); do \
		sed -n '/^Parameters:/,/^Rules:/p' template.yaml | grep -q "^  $$name:$$" || \
		{ echo "$(PARAMETERS): there is no parameter $$name; README.md lists them" >&2; exit 1; }; \
	done

# Without --guided: it demands a value for each parameter that is not echoed, needed or not.
.PHONY: deploy
deploy: check-parameters build ## Build and deploy with the parameters of parameters.yaml (PARAMETERS=file, STACK=name)
	$(SAM) deploy --stack-name "$(STACK)" --parameter-overrides \
		$(if $(PARAMETERS),"file://$(PARAMETERS)") Architecture=$(ARCHITECTURE)

.PHONY: events
events: $(VENV)/run.stamp ## Write the sample events anew
	$(BIN)/python -m testing.events.make

.PHONY: docs
docs: $(VENV)/dev.stamp ## Write the tables of settings and parameters anew
	$(BIN)/python -m tools.tables

.PHONY: proto
proto: $(VENV)/dev.stamp ## Generate the protobuf classes beside their schemas
	$(BIN)/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. $(PROTOS)

LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-header --quiet $(UPGRADE)

.PHONY: lock
lock: ## Pin all requirements anew, with hashes (needs uv on the PATH; UPGRADE=--upgrade)
	@command -v uv >/dev/null || { echo "there is no uv here: pip install uv" >&2; exit 1; }
	$(LOCK) pyproject.toml --output-file requirements/function.txt
	for group in run dev; do \
		$(LOCK) pyproject.toml --group $$group --output-file requirements/$$group.txt || exit 1; \
	done
	for group in tools checkov audit fuzz; do \
		$(LOCK) --group $$group --output-file requirements/$$group.txt || exit 1; \
	done
	$(LOCK) --no-deps --group emulator --output-file requirements/emulator.txt

.PHONY: clean
clean: ## Remove what the other targets made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .aws-sam build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
