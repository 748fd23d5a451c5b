# Everything runs in .venv, which `make install` makes (and every other target, too).
#   make quickstart   render a data set, train, evaluate, draw, export (about 10 minutes)
#   make test         the tests that are quick; SLOW=1: all; TESTS=path: those
#   make check        format, lint, types and the quick tests
#   make bench        the benchmarks, as CSV rows in benchmarks/results

PYTHON ?= python3
BIN := .venv/bin
TESTS ?= tests
SLOW ?=
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: install install-dev quickstart test check check-style format bench clean

install: .venv/.installed
install-dev: .venv/.installed-dev

.venv/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
	  echo "Python 3.11 is needed; $(PYTHON) is another. Try: make PYTHON=python3.11"; \
	  exit 1; }
	$(PYTHON) -m venv .venv
	@echo "Installing TensorFlow and what it needs: about 3 GB, some minutes."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/.installed-dev: .venv/.installed requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

quickstart: install
	$(BIN)/python -m deeplab_dpc.programs.quickstart

test: install
	$(BIN)/python -m pytest $(TESTS) $(if $(SLOW),,-m "not slow")

check: check-style test

check-style: install-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: install-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install
	$(BIN)/python benchmarks/run_all.py

clean:
	rm -rf .venv quickstart .mypy_cache .pytest_cache .ruff_cache
