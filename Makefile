# One command per need; CI runs the same. `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

UV_VERSION := 0.13.9
ENV ?= dev
# `make deploy APPROVAL=never` asks nothing; so does `make destroy`.
APPROVAL ?= broadening
WORKERS ?= 2

export PYTHONPATH := .:layers/core/python
export PYTHONDONTWRITEBYTECODE := 1
export JSII_NODE := node_modules/.bin/node

UV := .tools/bin/uv
PYTHON := .venv/bin/python
# pytest rewrites every test module on import: it may keep what it made.
PYTEST := PYTHONDONTWRITEBYTECODE= .venv/bin/pytest
CDK := PATH="$(CURDIR)/node_modules/.bin:$$PATH" node_modules/.bin/cdk
EMULATOR := .local/emulator-venv/.installed
UV_READY := .tools/.uv-$(UV_VERSION)
READY := $(UV_READY) .venv/.installed node_modules/.installed

.PHONY: help setup up down logs synth deploy tenants token tokens revoke destroy test test-fast test-e2e lint format bench clean

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1|\2/' | column -t -s'|'

# --- what is installed, all of it inside this folder ---

setup: $(READY) $(EMULATOR) ## install everything that the other commands need (they do it by themselves)

$(UV_READY):
	@command -v python3 >/dev/null || { echo "workerflow: Python is missing: install python3 (3.11 or newer)." >&2; exit 1; }
	@echo "installing uv $(UV_VERSION)"
	@python3 -m venv --clear .tools || { echo "workerflow: python3 cannot make virtual environments: install its venv package (Debian: python3-venv)." >&2; exit 1; }
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"
	@touch $@

.venv/.installed: pyproject.toml uv.lock .python-version $(UV_READY)
	@echo "installing Python 3.13 and the Python dependencies"
	@$(UV) sync --frozen --quiet || { echo "workerflow: the Python dependencies could not be installed; see above." >&2; exit 1; }
	@touch $@

node_modules/.installed: package.json package-lock.json
	@command -v npm >/dev/null || { echo "workerflow: npm is missing: install Node.js 18 or newer; it is needed to fetch the CDK CLI and its own Node." >&2; exit 1; }
	@echo "installing the CDK CLI and Node"
	@npm ci --no-audit --no-fund --loglevel=error --ignore-scripts=false
	@node_modules/.bin/node --version >/dev/null || { echo "workerflow: Node was not installed: npm must be allowed to run the install script of the package \"node\"." >&2; exit 1; }
	@touch $@

$(EMULATOR): tools/emulator/pyproject.toml tools/emulator/uv.lock $(UV_READY)
	@echo "installing the AWS emulator"
	@UV_PROJECT_ENVIRONMENT="$(CURDIR)/.local/emulator-venv" $(UV) sync --frozen --quiet --project tools/emulator
	@touch $@

# The one thing that is installed outside of this folder: the browser that tests drive is the system's own, which is
# looked after there.
.PHONY: .chromium
.chromium:
	@command -v chromium >/dev/null && exit 0; \
	command -v apt-get >/dev/null || { echo "workerflow: Chromium is missing: install it, so that \`chromium\` is on the PATH." >&2; exit 1; }; \
	[ "$$(id -u)" = 0 ] || { echo "workerflow: Chromium is missing, and root has to install it: sudo apt-get install chromium" >&2; exit 1; }; \
	echo "installing Chromium"; \
	{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium; } >/dev/null \
	  || { echo "workerflow: Chromium could not be installed; see above." >&2; exit 1; }

# --- one machine ---

up: $(READY) $(EMULATOR) ## deploy to this machine, show a call, a webhook and a schedule, say what to do next
	@$(PYTHON) -m tools.local up

down: ## stop what `make up` started; runs are kept
	@if [ -x $(PYTHON) ]; then $(PYTHON) -m tools.local down; else echo "WorkerFlow is not running here."; fi

logs: $(READY) ## follow the logs of the functions on this machine
	@$(PYTHON) -m tools.local logs

# --- AWS ---

synth: $(READY) ## write the CloudFormation template of ENV (dev, prod or local) to cdk.out/
	@$(CDK) synth --context env=$(ENV) --quiet

deploy: $(READY) ## deploy ENV to the account of your AWS credentials, create its credentials, send one signed call, tell the addresses
	@$(CDK) deploy --context env=$(ENV) --require-approval $(APPROVAL) --outputs-file .build/outputs-$(ENV).json
	@$(PYTHON) -m tools.credentials create --env $(ENV)
	@$(PYTHON) -m tools.first_call --env $(ENV)

tenants: $(READY) ## publish FILE as the tenants of ENV (dev, prod or local); without FILE, show those that are
	@$(PYTHON) -m tools.tenants $(if $(FILE),publish --env $(ENV) --file "$(FILE)" --reason "$(REASON)" $(if $(FORCE),--force),show --env $(ENV))

token: $(READY) ## make a token for the dashboard of ENV, for whoever NAME says; SCOPE (read or write), TENANT, DAYS
	@$(PYTHON) -m tools.tokens create --env $(ENV) --name "$(NAME)" --scope $(or $(SCOPE),read) --tenant "$(TENANT)" --days $(or $(DAYS),90)

tokens: $(READY) ## list the dashboard's tokens of ENV; no part of any is shown
	@$(PYTHON) -m tools.tokens list --env $(ENV)

revoke: $(READY) ## take the token with this ID back; it holds from the next request on
	@$(PYTHON) -m tools.tokens revoke --env $(ENV) --id "$(ID)"

destroy: $(READY) ## remove ENV, with its data, from the account of your AWS credentials
	@$(PYTHON) -m tools.empty_bucket --env $(ENV)
	@$(CDK) destroy --context env=$(ENV) $(if $(filter never,$(APPROVAL)),--force)

# --- quality ---

test: lint $(EMULATOR) .chromium ## everything: lint and all tests
	@$(PYTEST) -n $(WORKERS) --dist worksteal -m "not e2e"
	@$(MAKE) test-e2e

# schemathesis hooks into every test; none of these is its own.
test-fast: $(READY) ## unit and contract tests, in seconds
	@$(PYTEST) -n $(WORKERS) --dist worksteal -q -m "not slow" --hypothesis-profile fast -p no:schemathesis tests/unit tests/contract

test-e2e: $(READY) $(EMULATOR) .chromium ## end to end, deployed by the CDK CLI to an emulator of its own
	@$(PYTEST) -m e2e tests/e2e

lint: $(READY) ## ruff, mypy, the dependency rule, cfn-lint
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check --quiet
	@.venv/bin/mypy
	@$(PYTEST) -q tests/house
	@$(MAKE) synth ENV=prod && .venv/bin/cfn-lint cdk.out/workerflow-prod.template.json

format: $(READY) ## put the code into its form
	@.venv/bin/ruff format
	@.venv/bin/ruff check --fix

bench: $(READY) ## figures: write units and calls of a task, read units of the dashboard's pages, ticks with few and many schedules, cold starts
	@$(PYTHON) -m tools.bench.budget
	@$(PYTHON) -m tools.bench.reads
	@$(PYTHON) -m tools.bench.schedules
	@$(PYTHON) -m tools.bench.cold_start

clean: down ## forget the local stack and everything that was built
	@rm -rf .build .local/stack .local/e2e .local/.*-doomed-* cdk.out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
