# Everything a person types. `make help` lists it.
SHELL := /bin/sh
.SHELLFLAGS := -eu -c
.DEFAULT_GOAL := help
.SUFFIXES:

DEMO ?= 1
export DEMO
# Byte code is kept: each start is dozens of processes, and without it every one compiles Django and MLflow anew.
unexport PYTHONDONTWRITEBYTECODE
ifdef PORT
export SIGNALBOX_PORT := $(PORT)
endif
ifdef GATEWAY_PORT
export SIGNALBOX_GATEWAY_PORT := $(GATEWAY_PORT)
endif

BIN := .venv/bin
SIGNALBOX := $(BIN)/python -m portal.embedded
PYTEST := $(BIN)/python -m pytest
# The tests of the cluster run against a real API server, built once by `install-tests`: CLUSTER=0 leaves both out.
CLUSTER ?= 1
ifeq ($(CLUSTER),0)
LEFT_OUT := -m "not cluster"
endif
# Two workers: the suite is bound by databases and browsers, and two cores is what it is measured on.
WORKERS ?= 2
TESTS ?= tests

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 18

.PHONY: install install-tests
install: ## Make .venv with the pinned packages
	@tools/bootstrap runtime

install-tests: ## The same with what the tests need, a browser and a Kubernetes API server included
	@tools/bootstrap tests
	@tools/bootstrap-browser
	@$(if $(LEFT_OUT),echo "CLUSTER=0: leaving out the tests that need a Kubernetes API server",tools/kube-apiserver)

.PHONY: run status stop logs reset
run: install ## Start everything; DEMO=0 starts empty, PORT= and GATEWAY_PORT= choose ports
	@exec $(SIGNALBOX) run

status: ## Show the processes, their memory and addresses
	@$(SIGNALBOX) status || [ $$? -eq 3 ]

stop: ## Stop everything this checkout runs
	@$(SIGNALBOX) stop

logs: ## Show the logs; NAME=web chooses one, FOLLOW=1 keeps printing
	@$(SIGNALBOX) logs $(NAME) $(if $(FOLLOW),--follow)

reset: ## Stop, and remove this checkout's data; YES=1 does not ask
	@$(SIGNALBOX) reset $(if $(YES),--yes)

.PHONY: backup restore
backup: ## Write database, artifacts and keys to FILE=
	@$(SIGNALBOX) backup "$(FILE)"

restore: install ## Bring a backup FILE= back into an empty data folder
	@$(SIGNALBOX) restore "$(FILE)"

.PHONY: check test test-long drill
check: ## Quick checks: ruff, mypy, import-linter, templates, migrations, Django's own
	@tools/bootstrap tests
	@tools/check

test: install-tests ## Run all tests; TESTS=tests/serving runs some, CLUSTER=0 all but those on a cluster
	@$(PYTEST) -n $(WORKERS) --dist loadgroup --no-loadscope-reorder $(LEFT_OUT) $(TESTS)

test-long: install-tests ## Hold intervals and slices against the truth in ten times as many runs
	@SIGNALBOX_LONG=1 $(PYTEST) -rP --timeout 7200 tests/pipelines/test_coverage.py tests/pipelines/test_alarms.py

drill: install-tests ## Ten minutes of random single faults under mixed load, then ten with all but the gateway stopped
	@SIGNALBOX_LONG=1 $(PYTEST) -m stack -rP --timeout 3600 tests/faults/test_drill.py tests/faults/test_load.py

.PHONY: bench demo-traffic demo-rollouts screenshots
bench: install-tests ## Measure against the rivals; prints a table and writes bench/results.json
	@$(BIN)/python -m bench

demo-traffic: ## Replay flights through the running gateway
	@$(BIN)/python -m demo.traffic $(ARGS)

demo-rollouts: ## Show on replayed flights what rollouts make of faulty and good versions
	@$(BIN)/python -m demo.rollouts $(ARGS)

screenshots: install-tests ## Take the README's pictures from the running portal; ARGS=rollouts those of rollouts
	@$(BIN)/python tools/screenshots.py $(ARGS)

.PHONY: lock
lock: ## Compile requirements*.in into locks with hashes, for every 3.11 (Debian 12 has 3.11.2)
	@tools/bootstrap tests
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" requirements.in -o requirements.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" requirements-dev.in -o requirements-dev.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock" bench/mlserver.in -o bench/mlserver.txt
