# Everything starts here: `make` lists the targets.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
export PATH := $(CURDIR)/$(BIN):$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true

.DEFAULT_GOAL := help
.PHONY: help repro test lint ui bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

repro: .venv/.installed ## make the environment, run the pipeline, show the results
	dvc repro
	@sr results

test: .venv/.installed-dev ## run every test
	python -m pytest

lint: .venv/.installed-dev ## format check, lint, types, import directions
	ruff format --check .
	ruff check .
	mypy
	lint-imports

ui: .venv/.installed ## browse the runs at http://127.0.0.1:5000
	sr ui

bench: .venv/.installed-dev ## measure speed and memory, as ratios to stated baselines
	python -m benchmarks

clean: ## remove the caches that can be rebuilt (keeps data, models and runs)
	rm -rf .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else \
	  "Python 3.11, 3.12 or 3.13 is needed; $(PYTHON) is %d.%d. Name another: make PYTHON=python3.11" % v)'
	$(PYTHON) -m venv .venv

.venv/.installed: pyproject.toml constraints.txt | .venv/bin/python
	@echo "Installing the packages (2 to 4 minutes, once)"
	$(INSTALL) -e .
	@touch $@

.venv/.installed-dev: .venv/.installed
	@echo "Installing what the tests need (once)"
	$(INSTALL) -e '.[dev]'
	@touch $@
