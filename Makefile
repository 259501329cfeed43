# `make help` lists the targets. Each one installs what it needs into .venv.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

PACKAGES := handler converters replay tags extension testing tools tests
UNIT_TESTS := tests/converters tests/handler tests/replay tests/tags tests/extension
SHIPPED := handler converters replay tags extension
# The oldest Python that mypy knows. Tests show that the extension runs on 3.9.
OLDEST_CHECKED := 3.10
# Many tests wait, so two cores serve four workers. An idle worker takes tests from another.
PYTEST := $(BIN)/python -m pytest -n 4 --dist worksteal

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show the targets
	@awk -F ':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- Environments ---

# Whoever names a Python expects that one to run, and not that of an earlier environment.
.PHONY: same-python
same-python:
ifneq ($(filter command environment,$(firstword $(origin PYTHON))),)
	@test ! -x $(BIN)/python || { version='import sys; print("%d.%d" % sys.version_info[:2])'; \
		made=$$($(BIN)/python -c "$$version"); named=$$($(PYTHON) -c "$$version"); test "$$made" = "$$named" || \
		{ echo "$(VENV) has Python $$made, not $(PYTHON): \`make clean\` removes it" >&2; exit 1; }; }
endif

# A failed attempt is removed, since an incomplete environment would pass for a complete one.
$(BIN)/python: | same-python
	@command -v $(PYTHON) >/dev/null || \
		{ echo "$(PYTHON) not found: install Python 3.11 or later, or name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is too old: name Python 3.11 or later with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
		{ echo "$(PYTHON) cannot create environments: install python3-venv (Debian and Ubuntu)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# `dev` contains `run`.
$(VENV)/run.stamp $(VENV)/dev.stamp: $(VENV)/%.stamp: requirements/%.txt | $(BIN)/python
	$(BIN)/pip install --quiet --require-hashes --requirement $<
	touch $@ $(VENV)/run.stamp

# Only files of these packages are used: the Runtime Interface Emulator in aws-sam-cli, atheris,
# matplotlib, the schema of Terraform's AWS provider with what serves it, and a compiler.
$(VENV)/emulator.stamp $(VENV)/fuzz.stamp $(VENV)/plot.stamp $(VENV)/terraform.stamp $(VENV)/interpreter.stamp: \
		$(VENV)/%.stamp: requirements/%.txt | $(BIN)/python
	$(BIN)/pip install --quiet --no-compile --require-hashes --no-deps --upgrade --target $(VENV)/$* --requirement $<
	touch $@

# Environments of their own, since their requirements contradict each other. The locks are complete,
# so pip need not resolve anything; it takes an extra of SAM's for unpinned. Python compiles what it
# imports, which is a small part.
$(VENV)/tools.stamp $(VENV)/checkov.stamp $(VENV)/audit.stamp $(VENV)/mutate.stamp: \
		$(VENV)/%.stamp: requirements/%.txt | $(BIN)/python
	$(BIN)/python -m venv $(VENV)/$*
	$(VENV)/$*/bin/pip install --quiet --no-compile --require-hashes --no-deps --requirement $<
	touch $@

##@ Run

.PHONY: run
run: $(VENV)/run.stamp ## Invoke the function with sample events (EVENT=file) and show what arrives (LISTENER=url; ARGS=--all)
	@$(BIN)/python -m tools.run $(if $(EVENT),--event "$(EVENT)") $(if $(LISTENER),--listener "$(LISTENER)") $(ARGS)

# Built for this machine, whatever is deployed: another processor's code runs slowly or not at all.
.PHONY: local
local: ARCHITECTURE = $(if $(filter arm64 aarch64,$(shell uname -m)),arm64,x86_64)
local: $(VENV)/run.stamp build ## Invoke the built function in a container with `sam local invoke` (EVENT=file)
	@$(BIN)/python -m tools.local $(if $(EVENT),--event "$(EVENT)") $(ARGS)

.PHONY: receiver
receiver: $(VENV)/run.stamp $(VENV)/tools.stamp ## Receive from `sam local invoke`, and show what arrives (ARGS=--all)
	@$(BIN)/python -m tools.local --receive $(ARGS)

.PHONY: run-logs
run-logs: $(VENV)/run.stamp ## Run the function with the logs extension under fake Lambda services
	@$(BIN)/python -m tools.run_logs $(ARGS)

.PHONY: survey
survey: $(VENV)/run.stamp ## Show what each metric costs, and a filter that halves the bill (FILES="folder s3://bucket/all-data/ ...")
	$(if $(FILES),,$(error FILES names no folder, file or s3:// location of backup objects or captured deliveries))
	@$(BIN)/python -m replay --survey $(FILES) $(ARGS)

##@ Test

.PHONY: lint
lint: $(VENV)/dev.stamp ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(PACKAGES)
	$(BIN)/mypy --python-version $(OLDEST_CHECKED) extension

.PHONY: check
check: lint ## Run lint and the quick unit tests (40 seconds)
	$(PYTEST) -m "not slow and not large" $(UNIT_TESTS)

.PHONY: test
test: $(VENV)/dev.stamp $(VENV)/emulator.stamp ## Run all tests but the longest (3 minutes; ARGS="-k name" for some)
	$(PYTEST) -m "not large and not real_server" $(ARGS)

# To measure coverage takes as long as the tests, so the quick ones alone have to meet the gate of
# pyproject.toml. What runs in processes of its own is not measured.
.PHONY: test-all
test-all: $(VENV)/dev.stamp $(VENV)/emulator.stamp $(VENV)/tools.stamp ## Run all tests, the quick ones with the coverage gate
	$(PYTEST) -m "not slow and not large and not real_server" $(SHIPPED:%=--cov=%) --cov-report=term:skip-covered
	$(PYTEST) -m "slow or large or real_server"

.PHONY: test-load
test-load: $(VENV)/dev.stamp ## Run the load tests of the logs extension at full size (ten minutes)
	EXTENSION_LOAD=full $(BIN)/python -m pytest -n 1 tests/extension_load

.PHONY: chaos
chaos: $(VENV)/dev.stamp $(VENV)/emulator.stamp ## Deliver 2,000 batches under faults, account for every sample (ARGS="--seed 2 --keep folder")
	@$(BIN)/python -m tools.chaos $(ARGS)

FOR ?= 60

.PHONY: fuzz
fuzz: $(VENV)/dev.stamp $(VENV)/fuzz.stamp ## Fuzz all targets for FOR=60 seconds together (TARGET=name for one)
	@$(BIN)/python -m tools.fuzz --for $(FOR) $(if $(TARGET),--target $(TARGET))

# mutmut works on a copy of the tree in `mutants`; pyproject.toml names the modules and their tests.
.PHONY: mutate
mutate: $(VENV)/mutate.stamp ## Change the code in small ways, list the changes that no test notices (10 to 30 minutes)
	rm -rf mutants
	CI=true $(VENV)/mutate/bin/mutmut run --max-children 3
	$(VENV)/mutate/bin/mutmut results

##@ Deploy

# The Python and the processor of the function in template.yaml.
RUNTIME_PYTHON := 3.13
RUNTIME_INTERPRETER ?= $(firstword $(wildcard $(HOME)/.pyenv/versions/$(RUNTIME_PYTHON).*/bin/python) \
	python$(RUNTIME_PYTHON))
WHEELS_arm64 := aarch64
WHEELS_x86_64 := x86_64

# template.yaml says arm64. For x86_64, make writes a second template, with a makefile of its own.
# So the template alone decides what is built. A variable of the environment could contradict it.
ARCHITECTURE ?= arm64
WHEELS = $(if $(filter environment%,$(origin ARCHITECTURE)),,$(WHEELS_$(ARCHITECTURE)))
TEMPLATE_arm64 := template.yaml
TEMPLATE_x86_64 := build/x86_64/template.yaml
TEMPLATE = $(TEMPLATE_$(ARCHITECTURE))
require-architecture = $(if $(WHEELS),,$(error ARCHITECTURE must be arm64 or x86_64, \
	as an argument of `make build` or `make deploy` and not in the environment))

export SAM_CLI_TELEMETRY := 0
SAM := $(VENV)/tools/bin/sam

.PHONY: build-tools
build-tools: $(VENV)/tools.stamp $(VENV)/checkov.stamp ## Install sam, cfn-lint and checkov (takes over a minute)

.PHONY: build
build: $(VENV)/tools.stamp $(TEMPLATE_x86_64) ## Build the stack's code with SAM (ARCHITECTURE=arm64 or x86_64)
	$(require-architecture)
	$(SAM) build --template "$(TEMPLATE)" --config-file "$(CURDIR)/samconfig.toml"

$(TEMPLATE_x86_64): template.yaml Makefile
	@mkdir -p $(@D)
	@printf 'override ARCHITECTURE := x86_64\ninclude Makefile\n' >$(@D)/Makefile
	@awk '{ sub(/Architectures: \[arm64\]/, "Architectures: [x86_64]"); sub(/Uri: \.$$/, "Uri: ../.."); print } \
		/ BuildMethod: makefile/ { sub(/BuildMethod.*/, "ContextPath: ."); print }' template.yaml >$@

# SAM calls this target with the folder to fill in ARTIFACTS_DIR. Some packages have wheels for the
# newer platform tag only, so pip gets both.
.PHONY: build-MetricStreamFunction
build-MetricStreamFunction: | $(BIN)/python
	$(if $(ARTIFACTS_DIR),,$(error ARTIFACTS_DIR must name the folder to fill; `make build` does))
	$(require-architecture)
	$(BIN)/pip install --quiet --require-hashes --no-deps --only-binary :all: \
		--implementation cp --python-version $(RUNTIME_PYTHON) \
		--platform manylinux_2_28_$(WHEELS) --platform manylinux2014_$(WHEELS) \
		--no-compile --target "$(ARTIFACTS_DIR)" --requirement requirements/function.txt
	cp -R handler converters replay tags "$(ARTIFACTS_DIR)/"
	find "$(ARTIFACTS_DIR)" \( -name __pycache__ -o -name '*.pyi' -o -name '*.proto' -o -name bin \
		-o -name tests -o -path '*.dist-info/RECORD' \) -prune -exec rm -rf {} +
	if $(RUNTIME_INTERPRETER) -c '' 2>/dev/null; then \
		$(RUNTIME_INTERPRETER) -m compileall -q --invalidation-mode unchecked-hash \
			-s "$(ARTIFACTS_DIR)" -p /var/task "$(ARTIFACTS_DIR)"; \
	else echo "python$(RUNTIME_PYTHON) not found: without .pyc files a cold start takes longer"; fi

# All functions have the same code, each with its own handler.
.PHONY: build-ReplayFunction build-TagsFunction
build-ReplayFunction build-TagsFunction: build-MetricStreamFunction

PACKAGE ?= dist/metric-stream-lambda.zip

.PHONY: package
package: | $(BIN)/python ## Write dist/metric-stream-lambda.zip, for deployments without SAM
	@echo "template.yaml exceeds the 51,200 bytes of --template-body: deploying it needs a bucket too" >&2
	rm -rf build/function "$(PACKAGE)"
	mkdir -p build/function
	$(MAKE) build-MetricStreamFunction ARTIFACTS_DIR="$(CURDIR)/build/function"
	@$(BIN)/python -m tools.archive build/function "$(PACKAGE)"

# SAM calls this, as it calls build-MetricStreamFunction.
.PHONY: build-LogsExtensionLayer
build-LogsExtensionLayer: | $(BIN)/python
	$(if $(ARTIFACTS_DIR),,$(error ARTIFACTS_DIR must name the folder to fill; `make build` does))
	$(BIN)/python -m tools.layer "$(ARTIFACTS_DIR)"

RUNTIME ?= python
LAYER_python := dist/logs-extension.zip
LAYER_any = dist/logs-extension-any-$(ARCHITECTURE).zip
LAYER = $(LAYER_$(RUNTIME))
# Folders with the source tarballs of CPython, OpenSSL and zlib; what is missing is downloaded.
SOURCES ?=

.PHONY: layer
layer: $(if $(filter any,$(RUNTIME)),$(VENV)/interpreter.stamp) | $(BIN)/python ## Write dist/logs-extension.zip (RUNTIME=any: with its own CPython, takes minutes)
	$(if $(LAYER),,$(error RUNTIME must be python or any))
	$(if $(filter any,$(RUNTIME)),$(require-architecture))
	rm -rf build/layer "$(LAYER)"
	@$(BIN)/python -m tools.layer build/layer
	$(if $(filter any,$(RUNTIME)),$(RUNTIME_INTERPRETER) -m tools.interpreter build/layer --architecture $(ARCHITECTURE) \
		--zig $(VENV)/interpreter/ziglang/zig --work build/interpreter --sources $(SOURCES))
	@$(BIN)/python -m tools.archive build/layer "$(LAYER)"

# A release needs it for both processors. What runs the extension needs a machine of the same one.
.PHONY: check-layer
check-layer: RUNTIME = any
check-layer: layer $(VENV)/dev.stamp ## Build the layer for every runtime, run it in a root without Python (ARCHITECTURE=...)
	ANY_LAYER="$(LAYER)" $(BIN)/python -m pytest tests/any_runtime

PUBLISH = $(BIN)/python -m tools.publish --bucket "$(BUCKET)" --regions "$(REGIONS)" \
	$(if $(PARAMETERS),--parameters "$(PARAMETERS)")

.PHONY: check-publish
check-publish:
	$(if $(BUCKET),,$(error BUCKET must name the buckets, without -REGION at the end))
	$(if $(REGIONS),,$(error REGIONS must name the regions, separated by spaces))

# Builds nothing before it has checked buckets and parameters.
.PHONY: publish
publish: check-publish $(VENV)/dev.stamp ## Build for both architectures, upload to BUCKET-REGION of REGIONS="...", print launch links
	@$(PUBLISH)
	rm -rf dist/publish
	for architecture in arm64 x86_64; do \
		$(MAKE) package ARCHITECTURE=$$architecture PACKAGE=dist/publish/function-$$architecture.zip || exit 1; \
	done
	$(MAKE) layer sbom
	cp dist/logs-extension.zip dist/sbom.cdx.json dist/publish/
	@$(PUBLISH) --built dist/publish --stack "$(STACK)"

# Checkov checks only what the template's defaults create, so it gets the template with each ingress
# as the default, with tags, with a secret to ship logs with, and with an address for alarms.
.PHONY: validate
validate: $(VENV)/tools.stamp $(VENV)/checkov.stamp ## Check template.yaml and deploy/*.yaml with SAM, cfn-lint and checkov
	AWS_DEFAULT_REGION=us-east-1 $(SAM) validate --lint
	$(VENV)/tools/bin/cfn-lint template.yaml deploy/*.yaml
	mkdir -p build/validate
	for ingress in HttpApi RestApi FunctionUrl Transformation; do \
		sed -e "s/^    Default: HttpApi$$/    Default: $$ingress/" \
			-e '/^  CreateTags:/,/^  TagRefreshMinutes:/s/"false"$$/"true"/' \
			-e '/^  LogsTokenSecretArn:/,/^  LogsListener:/s/Default: ""/Default: arn:aws:secretsmanager:us-east-1:111122223333:secret:logs/' \
			-e '/^  AlarmTarget:/,/^  CreateDashboard:/s/Default: ""/Default: team@example.com/' \
			template.yaml >build/validate/$$ingress.yaml && \
		$(VENV)/checkov/bin/checkov --file build/validate/$$ingress.yaml --framework cloudformation \
			--compact --quiet --skip-download || exit 1; \
	done
	$(VENV)/checkov/bin/checkov --file deploy/*.yaml --framework cloudformation --compact --quiet --skip-download

.PHONY: terraform
terraform: $(VENV)/dev.stamp $(VENV)/terraform.stamp ## Validate, plan and apply the Terraform module, with the provider's schema and without AWS
	$(PYTEST) tests/terraform $(ARGS)

# The stack's parameters, one `Name: value` a line. What is left out keeps the stack's value.
PARAMETERS ?= $(wildcard parameters.yaml)
STACK ?= metric-stream-lambda

# SAM does not read it, though Lambda and the AWS CLI do.
ifdef AWS_REGION
export AWS_DEFAULT_REGION ?= $(AWS_REGION)
endif

# In SAM's environment, whose code reads the file. SAM ignores a name that the template does not have.
.PHONY: check-parameters
check-parameters: $(VENV)/tools.stamp ## Check parameters.yaml and the region, as `deploy` does first (PARAMETERS=file)
	@$(VENV)/tools/bin/python -m tools.parameters $(if $(PARAMETERS),"$(PARAMETERS)")

.PHONY: deploy
deploy: check-parameters build ## Build and deploy with the parameters of parameters.yaml (PARAMETERS=file, STACK=name)
	$(SAM) deploy --stack-name "$(STACK)" $(if $(PARAMETERS),--parameter-overrides "file://$(PARAMETERS)")

##@ Measure

.PHONY: bench
bench: $(VENV)/dev.stamp $(VENV)/emulator.stamp ## Measure speed, memory and starts; writes docs/performance.md
	$(BIN)/python -m tools.bench

.PHONY: hostile
hostile: $(VENV)/dev.stamp ## Measure what hostile events take; writes docs/reliability.md
	$(BIN)/python -m tools.fuzz.hostile

MINUTES ?= 30

.PHONY: load
load: $(VENV)/dev.stamp ## Load one instance for MINUTES=30; writes docs/reliability.md
	$(BIN)/python -m tools.load --minutes $(MINUTES)

##@ Maintain

.PHONY: events
events: $(VENV)/run.stamp ## Write the sample events
	$(BIN)/python -m testing.events.make

.PHONY: dashboard
dashboard: $(VENV)/run.stamp ## Write the Grafana dashboards
	$(BIN)/python -m tools.dashboards.make

.PHONY: screenshot
screenshot: $(VENV)/run.stamp $(VENV)/plot.stamp ## Draw two dashboards from a real Prometheus, for the documents
	for name in ec2 lambda; do \
		PYTHONPATH=$(VENV)/plot $(BIN)/python -m tools.dashboards.plot logzio/$$name docs/images/$$name.png || exit 1; \
	done

.PHONY: docs
docs: $(VENV)/dev.stamp ## Write both source stacks, and the tables of settings and parameters
	$(BIN)/python -m tools.source_stack
	$(BIN)/python -m tools.source_module
	$(BIN)/python -m tools.tables

.PHONY: proto
proto: $(VENV)/dev.stamp ## Generate the protobuf classes next to their schemas
	$(BIN)/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. $(wildcard converters/schema/*.proto)

LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-header --quiet $(UPGRADE)

.PHONY: lock
lock: ## Pin all requirements with hashes (needs uv on the PATH; UPGRADE=--upgrade)
	@command -v uv >/dev/null || { echo "uv not found: pip install uv" >&2; exit 1; }
	$(LOCK) pyproject.toml --output-file requirements/function.txt
	for group in run dev mutate; do \
		$(LOCK) pyproject.toml --group $$group --output-file requirements/$$group.txt || exit 1; \
	done
	for group in tools checkov audit fuzz plot; do \
		$(LOCK) --group $$group --output-file requirements/$$group.txt || exit 1; \
	done
	for group in emulator interpreter terraform; do \
		$(LOCK) --no-deps --group $$group --output-file requirements/$$group.txt || exit 1; \
	done

.PHONY: sbom
sbom: $(VENV)/audit.stamp ## Write dist/sbom.cdx.json, what the function consists of
	mkdir -p dist
	$(VENV)/audit/bin/cyclonedx-py requirements requirements/function.txt --pyproject pyproject.toml \
		--output-reproducible --output-file dist/sbom.cdx.json

.PHONY: audit
audit: sbom ## Look up vulnerabilities of all locked packages, fail for one that is unknown; writes the SBOM too
	for lock in requirements/*.txt; do \
		echo "$$lock"; $(VENV)/audit/bin/pip-audit --strict --disable-pip --require-hashes --requirement $$lock $(ARGS) || exit 1; \
	done

.PHONY: clean
clean: ## Remove what the other targets made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .aws-sam build dist mutants .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
