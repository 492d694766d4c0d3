# Needs GNU make, python3 (3.11 or later) and its venv module; everything else comes by pip into .venv.
#
#   make run [PORT=6543] [DATA=data]   the demo sites, served; prints `ready http://localhost:PORT` when it answers
#   make test                          the quick suite
#   make lint                          ruff and mypy
#   make long                          the checks that take minutes (tests/long)
#   make browser URLS="http://…"       accessibility, HTML and screenshots of running sites (tests/browser)
#   make clean                         away with .venv, caches and build results; DATA stays

PORT ?= 6543
DATA ?= data
PYTHON ?= python3

BIN = .venv/bin
# No pip upgrade check, and no compiling of modules that may never be imported: the first start does that as it goes.
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile

.PHONY: run test lint long browser clean
.DELETE_ON_ERROR:

run: .venv/runtime.stamp
	@PUBSITE_DATA_DIR='$(DATA)' PUBSITE_SITES_PORT='$(PORT)' $(BIN)/pubsite -c development.ini demo
	@exec $(BIN)/pserve development.ini http_port='$(PORT)' data_dir='$(DATA)'

test: .venv/test.stamp
	$(BIN)/python -m pytest -n 2

lint: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

long: .venv/test.stamp
	@set -e; for script in tests/long/*.sh; do [ -e "$$script" ] || continue; echo "== $$script"; bash "$$script"; done
	@set -e; for script in tests/long/*.py; do \
	    [ -e "$$script" ] || continue; echo "== $$script"; $(BIN)/python "$$script"; done

browser: .venv/runtime.stamp
	$(BIN)/python tests/browser/check.py $(URLS)

clean:
	rm -rf .venv .cache build dist pubsite.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find pubsite tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Both stamps hang on the files that name dependencies and entry points: pip runs again when one of them is newer.
.venv/runtime.stamp: setup.cfg pyproject.toml | .venv/bin/python
	@echo 'Installing pubsite and its libraries into .venv' >&2
	@$(PIP_INSTALL) --editable . >&2
	@touch $@

.venv/test.stamp: setup.cfg pyproject.toml | .venv/bin/python
	@echo 'Installing pubsite with its test tools into .venv' >&2
	@$(PIP_INSTALL) --editable '.[test]' >&2
	@touch $@ .venv/runtime.stamp

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("pubsite needs Python 3.11 or later" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv .venv
