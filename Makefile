# Settlement hub: set-up, tests, demo. `make` alone shows what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/.setup
KAFKA_VERSION := $(shell sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' docker/kafka/pom.xml)
KAFKA := $(VENV)/share/settlement-hub/kafka/$(KAFKA_VERSION)

.PHONY: help setup demo test lint stop clean lock

help:  ## show this
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(DONE)/system $(DONE)/python $(DONE)/kafka-$(KAFKA_VERSION)  ## everything the hub needs; nothing when up to date

$(DONE)/system: docker/system-packages.sh
	@docker/system-packages.sh
	@mkdir -p $(DONE) && touch $@

$(DONE)/python: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed; name one: make setup PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "python3 -m venv failed (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@echo "Installing the Python packages of requirements.txt"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@mkdir -p $(DONE) && touch $@

$(DONE)/kafka-$(KAFKA_VERSION): docker/kafka/pom.xml docker/kafka/libs.sha256 | $(DONE)/system $(DONE)/python
	@echo "Fetching Apache Kafka $(KAFKA_VERSION)"
	@rm -rf $(KAFKA) && mkdir -p $(KAFKA)
	@mvn -q -B -C -Dstyle.color=never -f docker/kafka/pom.xml dependency:copy-dependencies \
	  -DincludeScope=runtime -DoutputDirectory=$(abspath $(KAFKA))/libs
	@cd $(KAFKA)/libs && sha256sum --quiet --strict --check $(abspath docker/kafka/libs.sha256)
	@test "$$(ls $(KAFKA)/libs | wc -l)" -eq "$$(wc -l < docker/kafka/libs.sha256)" || \
	  { echo "$(KAFKA)/libs holds jars that docker/kafka/libs.sha256 does not name" >&2; exit 1; }
	@touch $@

demo: setup  ## a simulated month with agencies and banks, on this machine
	@$(BIN)/hub demo

test: setup lint  ## lint, types, import contracts, then all tests, three side by side, and the benchmark alone
	@$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder --ignore tests/bench
	@$(BIN)/pytest tests/bench

lint: setup  ## style, types and the allowed directions of imports
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

stop:  ## stop the hubs of this folder; their data stays
	@if [ -x $(BIN)/hub ] && [ -d .demo ]; then $(BIN)/hub demo --stop; fi
	@for config in hub.toml .hub*/hub.toml; do \
	  if [ -f "$$config" ] && [ -x $(BIN)/hub ]; then $(BIN)/hub --config "$$config" down; fi; done

clean: stop  ## take away what setup, tests and the demo made; a real hub's home (.hub) stays
	@rm -rf $(VENV) .demo* .cache .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache build dist *.egg-info
	@find hub connectors topics schemas simulators tests -name __pycache__ -type d -prune -exec rm -rf {} +

lock: $(DONE)/python  ## write requirements.txt anew from pyproject.toml
	@$(BIN)/pip-compile --quiet --generate-hashes --extra dev --strip-extras --allow-unsafe --no-header --no-emit-options \
	  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --output-file requirements.txt pyproject.toml
