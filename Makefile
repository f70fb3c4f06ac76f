# Everything that a developer or a curious stranger types. Needs Python 3.11+ (with venv), pip, make.

PYTHON ?= python3
BIN := .venv/bin
JOBS ?= 2

.PHONY: help install install-dev demo test test-exports test-faults check format lint types layers coverage wheel clean

help:
	@echo "make demo    simulate a clinic, search, register, predict (6 minutes on 2 cores)"
	@echo "make test    the fast test suite"
	@echo "make test-exports   ONNX exports of every combination of switches"
	@echo "make test-faults    processes, nodes, disks and servers that fail (three quarters of an hour)"
	@echo "make check   format, lint, types, layers and tests"
	@echo "make clean   remove .venv, demo/ and caches"

.venv/pip-ready: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) is older than 3.11; give another one: make PYTHON=python3.11 ..."; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt pip
	@touch $@

.venv/installed: .venv/pip-ready pyproject.toml
	@echo "installing algr and its dependencies into .venv (about three minutes)"
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	@touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/pip install --quiet --constraint constraints.txt --group dev
	@touch $@

install: .venv/installed
install-dev: .venv/installed-dev

demo: .venv/installed
	$(BIN)/algr demo demo

test: .venv/installed-dev
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -q -m 'not exports and not faults'

test-exports: .venv/installed-dev
	$(BIN)/python -m pytest -n $(JOBS) -q -m exports

test-faults: .venv/installed-dev
	$(BIN)/python -m pytest -q -m faults --durations 0

format: .venv/installed-dev
	$(BIN)/ruff format --check .

lint: .venv/installed-dev
	$(BIN)/ruff check .

types: .venv/installed-dev
	$(BIN)/mypy

layers: .venv/installed-dev
	$(BIN)/lint-imports --no-logo

check: format lint types layers test

wheel: .venv/installed-dev
	$(BIN)/python -m build --wheel --no-isolation

clean:
	rm -rf .venv demo dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
