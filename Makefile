# make demo    factor a real matrix and show the tables      make test   the whole test suite
# make check   all that CI runs                               make bench  the timings
# make batch   a run file for every matrix in data/           make fuzz   long randomized tests
# make readme  put what is printed into README and topics   make clean  remove what was built (not .venv)
# make figures the paper's figures in data/figures/, from runs that are kept in build/
# make quick   the tests without those that take seconds, most of them in other processes
#
# VENV=folder uses another environment, PYTHON=program makes it with another Python,
# RANK=r is the rank that `make batch` fits, JOBS=n how many tests run at a time,
# EXTRAS=dev,bench installs torch too, against which networks are tested where it is there.

PYTHON ?= python3
VENV ?= .venv
RANK ?= 5
JOBS ?= 2
EXTRAS ?= dev
FILES ?= 20000
KILLS ?= 200
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := demo
.DELETE_ON_ERROR:
.PHONY: demo test quick check lint types imports wheel readme bench fuzz fuzz-matrices figures batch clean

# --- Environments: made once, again when what they hold has changed ---

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "mfact needs Python 3.11 or later: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(EXTRAS)]'
	@touch $@ $(VENV)/.installed

# --- For users ---

demo: $(VENV)/.installed
	@mkdir -p build/demo
	$(BIN)/mfact solve data/elnino.npy --rank 2 --schedule constant --seed 1 \
	  --output build/demo/elnino.run.h5

# --- For developers. One BLAS thread: the matrices of the tests are small. ---

test quick check wheel readme fuzz fuzz-matrices: export OPENBLAS_NUM_THREADS = 1

test: $(VENV)/.installed-dev
	$(PYTEST) --numprocesses $(JOBS) --dist worksteal

quick: $(VENV)/.installed-dev
	$(PYTEST) -m "not slow" --numprocesses $(JOBS) --dist worksteal

check: lint types imports wheel test

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

imports: $(VENV)/.installed-dev
	$(BIN)/lint-imports --no-cache

# setuptools leaves build/lib behind and would pack files from it that are long gone.
wheel: $(VENV)/.installed-dev
	rm -rf build/lib build/bdist.* build/wheel
	$(BIN)/python -m build --wheel --outdir build/wheel
	$(PYTHON) -m venv build/wheel/venv
	build/wheel/venv/bin/python -m pip install --quiet --disable-pip-version-check build/wheel/*.whl
	cd build/wheel && venv/bin/mfact --version
	cd build/wheel && venv/bin/mfact solve ../../data/elnino.npy --rank 1 --seed 1 --output run.h5
	cd build/wheel && venv/bin/mfact show run.h5

readme: $(VENV)/.installed-dev
	$(BIN)/python tests/setup/tour.py

# BENCH holds words for it, as in make bench BENCH="noise --rounds 3"; --help lists them.
bench: $(VENV)/.installed-dev
	@mkdir -p build/bench
	$(BIN)/python tests/benchmarks/run.py --json build/bench/bench.json $(BENCH)

# FILES broken matrices alone, as in make fuzz-matrices FILES=100000.
fuzz-matrices: $(VENV)/.installed-dev
	$(BIN)/python tests/fuzz/many.py --files $(FILES)

# FILES broken inputs, KILLS writers killed at random, then every randomized test at length.
fuzz: $(VENV)/.installed-dev
	MFACT_FUZZ=$(FILES) MFACT_KILLS=$(KILLS) MFACT_SIGNALS=$(KILLS) $(PYTEST) --timeout 0 \
	  -m "not hypothesis" tests/fuzz tests/storage/test_kills.py \
	  tests/promises/test_signals_and_kills.py tests/targets/test_local_workers.py \
	  tests/promises/test_cluster_runs.py
	HYPOTHESIS_PROFILE=long $(PYTEST) --timeout 0 -m hypothesis tests

# --- The exact matrices ---

data/rank5.npy data/rank5.h5: | $(VENV)/.installed
	$(BIN)/mfact generate $@ --shape 120x80 --rank 5 --condition 5 --seed 1

# A small trained network, and what it was at some steps on the way.
data/network/step-%.safetensors: | $(VENV)/.installed
	$(BIN)/python tests/setup/trained.py $(@D)

# --- The figures of the paper, in about a minute; again, from their runs, in seconds ---

figures: $(VENV)/.installed-dev
	@mkdir -p build data/figures
	$(BIN)/mfact figure all --output build/figures
	cp build/figures/figure-1.svg build/figures/figure-2.svg data/figures/

# --- Batch: every matrix in data/ becomes a run file; a run that does not converge stops make ---
# An interrupted run still writes its result, after make has deleted the target: hence the .part.

MATRICES := $(wildcard data/*.npy data/*.h5)

batch: $(MATRICES:data/%=build/batch/%.run.h5)

build/batch/%.run.h5: data/% | $(VENV)/.installed
	@mkdir -p $(@D)
	$(BIN)/mfact solve $< --rank $(RANK) --schedule constant --seed 1 --output $@.part \
	  > $(@:.h5=.txt)
	mv $@.part $@

clean:
	rm -rf build dist *.egg-info .hypothesis .benchmarks .pytest_cache .mypy_cache .ruff_cache \
	  .import_linter_cache
	find mfact tests -name __pycache__ -type d -prune -exec rm -rf {} +
