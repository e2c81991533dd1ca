# Two commands: `make demo` shows what Isthmus does; `make test` checks all of it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test lint types contracts unit test-slow format docs clean

demo: $(STAMP)  ## train on handwritten digits and write isthmus-demo.html
	$(BIN)/isthmus demo

test: lint types contracts unit  ## everything that a change must pass

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Isthmus needs Python 3.11 or newer; set PYTHON=python3.x") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

contracts: $(STAMP)
	$(BIN)/lint-imports

# Two workers, one thread each: four threads on two cores get in one another's way.
unit: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not external"

test-slow: $(STAMP)  ## the long checks too
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m "slow"

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(STAMP)  ## build the documentation into docs/_build
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt '.[docs]'
	$(BIN)/python -m sphinx -W docs docs/_build

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
