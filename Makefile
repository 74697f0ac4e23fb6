# make demo   a simulated hopping scan, from nothing to a picture and a stored run
# make test   the tests          make check   style, types, layers
# make slow   the tests that take long, and those of EPICS with the other EPICS layer
# make lowest  some of them with the lowest versions that setup.cfg allows
# make newest  the same with the newest, on Python 3.13; skipped where there is none
# make coverage  which branches the tests take: plans, devices, techniques, storage
# make bench  what physics, hops and reading cost, beside what they may; half an hour or more
# make soak   thousands of hops at full speed, and all tests that take long
# make chaos  faults in sequences against scans of every kind; SEED=1 HOURS=24 (simulated)
# make docs   the documentation with its pictures: docs/_build/html/index.html
# make venv   only the environment that the others use (.venv)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test slow lowest newest check coverage bench soak chaos docs venv clean

demo: $(STAMP)
	$(BIN)/seccm demo

test: $(STAMP)
	$(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)

slow: $(STAMP)
	$(BIN)/python -m pytest -n 2 -m "slow and not soak" --timeout=600 $(PYTEST_ARGS)
	OPHYD_CONTROL_LAYER=pyepics $(BIN)/python -m pytest -n 2 -m "not soak" \
	    --timeout=600 $(PYTEST_ARGS) tests/devices tests/system tests/faults/test_lost_ioc.py \
	    --deselect tests/system/test_command_line.py \
	    --deselect tests/system/test_paper.py --deselect tests/system/test_banner.py

# each in an environment for that alone (.venv-lowest, .venv-3.13)
lowest: $(STAMP)
	.ci/versions lowest $(PYTEST_ARGS)

newest:
	.ci/versions 3.13 $(PYTEST_ARGS)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# 90 % at least, in branches, of the four rooms that must not go wrong
coverage: $(STAMP)
	$(BIN)/python -m pytest -n 2 --timeout=600 --cov --cov-report= \
	    $(PYTEST_ARGS)
	for room in plans devices techniques storage; do \
	    $(BIN)/python -m coverage report --include="*/$$room/*" --fail-under=90 \
	        --skip-covered || exit 1; done

bench: $(STAMP)
	$(BIN)/python -m benchmarks

# 20 000 hops among them; SECCM_SOAK_HOPS=1000 make soak: fewer
soak: slow
	$(BIN)/python -m pytest -m soak

# ONLY=7: step 7 of the seed alone; LOG=FILE: append a JSON line for each step
SEED ?= 1
HOURS ?= 1
chaos: $(STAMP)
	$(BIN)/python -m tests.chaos --seed $(SEED) --hours $(HOURS) \
	    $(if $(ONLY),--only $(ONLY)) $(if $(LOG),--log $(LOG))

docs: $(STAMP)
	$(BIN)/python docs/explanations/make_simulator_figures.py
	$(BIN)/python docs/explanations/make_hopping_figures.py
	$(BIN)/python docs/gallery/make_pictures.py
	$(BIN)/python -m sphinx --builder html --nitpicky --fail-on-warning --keep-going \
	    docs docs/_build/html

venv: $(STAMP)

$(STAMP): setup.cfg pyproject.toml
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), \
	    "Python 3.11 or newer is needed, this is " + sys.version.split()[0]'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	$(BIN)/python -c "import seccm_ophyd.sim_devices.ioc"  # compiles what it is to
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-* build dist docs/_build *.egg-info .mypy_cache .ruff_cache
