# Everything runs in .venv, which `make install` makes (and every other target, too).
#   make quickstart   render a data set, train, evaluate, draw, export (about 5 minutes)
#   make test         the tests that are quick; SLOW=1: all; TESTS=path: those; JOBS=1
#   make test-nightly all tests, each sweep whole (hours)
#   make faithfulness GOLDEN=folder   compares with the original's numbers, writes the page
#   make test-jax     layers and models on Keras's JAX backend
#   make test-torch   the same on its PyTorch backend
#   make check        format, lint, types and the quick tests
#   make bench        the benchmarks, as CSV rows in benchmarks/results
#   make bench-peers  the same models beside PyTorch's, and in other runtimes

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check
TESTS ?= tests
SLOW ?=
JOBS ?= logical
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: install install-dev quickstart test test-nightly faithfulness test-jax test-torch check check-style format bench bench-peers clean

install: .venv/.installed
install-dev: .venv/.installed-dev

.venv/.installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
	  echo "Python 3.11 to 3.13 is needed; $(PYTHON) is another. Try: make PYTHON=python3.11"; \
	  exit 1; }
	$(PYTHON) -m venv .venv
	@echo "Installing TensorFlow and what it needs: about 3 GB, some minutes."
	$(PIP) -r requirements.txt
	$(PIP) --no-deps --editable .
	@touch $@

.venv/.installed-dev: .venv/.installed requirements-dev.txt
	$(PIP) -r requirements-dev.txt
	@touch $@

quickstart: install
	$(BIN)/python -m deeplab_dpc.programs.quickstart

test: install-dev
	$(BIN)/python -m pytest $(TESTS) $(if $(SLOW),,-m "not slow") \
	  --numprocesses=$(JOBS) --dist=loadfile --no-loadscope-reorder

test-nightly:
	NIGHTLY=1 $(MAKE) test SLOW=1

# Every comparison with the original's numbers: g3doc/faithfulness.md and .csv.
GOLDEN ?=
faithfulness: install
	$(BIN)/python -m tests.faithfulness $(if $(GOLDEN),--golden=$(GOLDEN))

# The layers, and two models against the original, on Keras's other backends.
test-jax test-torch: test-%: .venv-%/.installed
	KERAS_BACKEND=$* .venv-$*/bin/python -m pytest tests/layers \
	  tests/model_test.py::test_logits_and_classes_equal_the_originals

.venv-jax/.installed: BACKEND := jax==0.10.2
.venv-torch/.installed: BACKEND := torch==2.13.0
.venv-jax/.installed .venv-torch/.installed: .venv-%/.installed: Makefile
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check \
	  keras==3.15.1 $(BACKEND) 'numpy<2.4' absl-py==1.4.0 pytest==9.2.0
	@touch $@

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

# Peers of the benchmarks, an environment for each.
PEERS := .venv-peer-smp .venv-peer-onnxruntime .venv-peer-openvino
bench-peers: install-dev $(PEERS:=/.installed)
	$(BIN)/python benchmarks/peers.py
	$(BIN)/python benchmarks/page.py

.venv-peer-smp/.installed: PEER := segmentation-models-pytorch==0.6.0 timm==1.0.31 \
  torch==2.13.0
.venv-peer-onnxruntime/.installed: PEER := onnxruntime==1.32.0
.venv-peer-openvino/.installed: PEER := openvino==2026.4.1
$(PEERS:=/.installed): .venv-peer-%/.installed: Makefile
	$(PYTHON) -m venv .venv-peer-$*
	.venv-peer-$*/bin/python -m pip install --quiet --disable-pip-version-check \
	  $(PEER) 'numpy<2.4'
	@touch $@

clean:
	rm -rf .venv .venv-jax .venv-torch .venv-peer-* quickstart .mypy_cache .pytest_cache .ruff_cache
