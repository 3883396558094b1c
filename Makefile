SHELL := /bin/bash
.SHELLFLAGS := -eo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
UV ?= uv
# Targets that run the service or the demo depend on $(READY), all others on $(READY_DEV).
READY := .venv/.ready
READY_DEV := .venv/.ready-dev

.PHONY: help demo cluster test prove lint bench load format openapi clients lock clean

help: ## list the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /	/' | expand -t 12

# $(call install,LOCK FILE): make .venv with the packages of a lock file, and the scheduler in it.
define install
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=python3.x")'
@echo "installing the packages of $(1) into .venv; about a minute the first time, a dot for each package"
@test -x $(BIN)/python || $(PYTHON) -m venv .venv
@$(BIN)/python -m pip install --disable-pip-version-check --require-hashes --requirement $(1) \
  | awk '/^Collecting/ { printf "."; fflush() } END { print "" }'
@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
endef

$(READY): pyproject.toml requirements-demo.lock
	$(call install,requirements-demo.lock)
	@touch $@

$(READY_DEV): pyproject.toml requirements-dev.lock
	$(call install,requirements-dev.lock)
	@touch $(READY) $@

# The development lock is compiled first; the other two are parts of it and take its versions.
lock: ## write the lock files anew after a change of pyproject.toml; UPGRADE=1 takes newer versions (needs uv)
	@compile() { $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml "$$@"; }; \
	  compile --extra build --extra server --extra demo --extra dev $(if $(UPGRADE),--upgrade) --output-file requirements-dev.lock; \
	  compile --extra build --extra demo --constraint requirements-dev.lock --output-file requirements-demo.lock; \
	  compile --extra build --extra server --constraint requirements-dev.lock --output-file requirements.lock

# The cluster is made of packages that only development needs.
demo: $(if $(filter cluster all,$(ACT)),$(READY_DEV),$(READY)) ## watch the main job: people, slots, a cadence, CalDAV, a feed (ACT=name: another act; ONCE=1: exit when done)
	@$(BIN)/python -m examples.demo $(if $(ACT),--act $(ACT)) $(if $(ONCE),--once)

cluster: ## the demo against the parts of compose.yaml, some of them killed; the same as make demo ACT=cluster
	@$(MAKE) --no-print-directory demo ACT=cluster

# The suite starts hundreds of processes: what the first one compiles, the others read.
# One process more than there are cores, because tests of servers wait.
PYTEST := $(BIN)/python -m pytest --dist worksteal -n $(shell expr $$(nproc) + 1)

test prove: export PYTHONDONTWRITEBYTECODE =
test: $(READY_DEV) ## run the whole suite
	@$(PYTEST)

# New examples are drawn from SEED, and counts are those of tests/support/budget.py. With SHORT=1, fewer of them.
LEVEL := $(if $(SHORT),short,full)
SEED ?= $(shell $(PYTHON) -c 'import random; print(random.randrange(2**32))')
MOVED := $(BIN)/python tests/support/moved_clock.py
# The time of day before the name of a stage tells how long each one took.
STAGE := @stage() { echo "$$(date +%T)  $$*"; };

prove: SEED := $(SEED)
prove: $(READY_DEV) clients ## try at length what chance decides, and all on days to come; under an hour (SHORT=1: minutes)
	@mkdir -p var
	$(STAGE) for days in 100 600 3000; do \
	  stage "the demo, $$days days from now"; \
	  $(MOVED) $$days $(BIN)/python -m examples.demo --once --act $(if $(SHORT),main,all) > var/demo-moved.log 2>&1 \
	    || { cat var/demo-moved.log; exit 1; }; \
	done
	$(STAGE) for days in $(if $(SHORT),600,100 600 3000); do \
	  stage "the suite, $$days days from now"; \
	  $(MOVED) $$days $(PYTEST) --basetemp=var/moved -p no:cacheprovider \
	    $(if $(SHORT),-m "not prove" --deselect tests/end_to_end/test_demo.py tests/end_to_end); \
	done
	$(STAGE) stage "what chance decides; the same again with SEED=$(SEED)"
	@$(PYTEST) --prove $(LEVEL) --hypothesis-seed=$(SEED)
	$(STAGE) stage "all of it holds"

lint: $(READY_DEV) ## ruff, mypy strict, the import rule, the Dockerfile, compose.yaml and the proxy
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/test_import_rule.py
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml
	@PROXY_ADDRESS=http://127.0.0.1:1 WEB=127.0.0.1:2 CALENDAR_ADDRESS=http://127.0.0.1:3 CALENDARS=127.0.0.1:4 \
	  $(BIN)/caddy adapt --validate --config deploy/Caddyfile --adapter caddyfile 2>&1 >/dev/null | (! grep -v '"level":"info"')

bench: $(READY_DEV) ## time the engine beside its peers, and write var/bench.json
	@$(BIN)/python -m benchmarks

load: $(READY_DEV) ## drive a programme of 1,000 mentorships, and write var/load.json; some minutes (LOAD_SECONDS=6 to try)
	@$(BIN)/python -m benchmarks.load

format: $(READY_DEV) ## put the code in order
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

openapi: $(READY) ## write openapi.yaml from the code
	@$(BIN)/scheduler openapi > openapi.yaml.new && mv openapi.yaml.new openapi.yaml

clients: $(READY) ## generate clients from openapi.yaml, check their types, and book a cadence with each (needs Node 20)
	@$(BIN)/python -m examples.clients

clean: ## remove what was made: .venv, var and caches
	@rm -rf .venv var build .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
