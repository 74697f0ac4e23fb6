# make demo   a simulated hopping scan, from nothing to a picture and a stored run
# make test   all tests          make check   style, types, layers
# make bench  what physics, hops and reading cost, beside what they may; half an hour or more
# make soak   thousands of hops at full speed, and the tests that take minutes
# make docs   the pictures of the documentation
# make venv   only the environment that the others use (.venv)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check bench soak docs venv clean

demo: $(STAMP)
	$(BIN)/seccm demo

# All tests, and those that talk EPICS once more with the other EPICS layer.
test: $(STAMP)
	$(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)
	OPHYD_CONTROL_LAYER=pyepics $(BIN)/python -m pytest -n 2 tests/devices tests/system \
	    --deselect tests/system/test_command_line.py

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)
	$(BIN)/python -m benchmarks

# 20 000 hops, and the tests that take minutes; SECCM_SOAK_HOPS=1000 make soak: fewer
soak: $(STAMP)
	$(BIN)/python -m pytest -m soak

docs: $(STAMP)
	$(BIN)/python docs/explanations/make_simulator_figures.py
	$(BIN)/python docs/explanations/make_hopping_figures.py

venv: $(STAMP)

$(STAMP): setup.cfg pyproject.toml
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), \
	    "Python 3.11 or newer is needed, this is " + sys.version.split()[0]'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache
