# Each target sets up what it needs. `make demo` and `make test` work in a fresh clone with nothing
# but git, make and Python 3.11 or newer.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo demo-bridge test check up bench format docs lock test-lowest clean

demo: $(READY)  ## the main job end to end, on real servers, with a kill in the middle
	@$(BIN)/python -m demo

demo-bridge: $(READY)  ## two billing platforms into two ledgers, with lost answers and a kill
	@$(BIN)/python -m demo.bridge

test: $(READY)  ## the whole suite
	@$(BIN)/python -m pytest -q -n 2

check: $(READY)  ## format, lint, types, layers, known vulnerabilities
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m tests.vulnerabilities

up: $(READY)  ## api, worker and beat in the foreground, until Ctrl-C
	@$(BIN)/ledgerbridge up

bench: $(READY)  ## provider calls for 1,000 records; what a pull and a push cost; memory over 100,000; how long requests take out of a million (4 GB of disk for some minutes)
	@$(BIN)/python -m benchmarks.provider_calls
	@$(BIN)/python -m benchmarks.pull
	@$(BIN)/python -m benchmarks.push
	@$(BIN)/python -m benchmarks.memory
	@$(BIN)/python -m benchmarks.http_api

SEED ?= 1

chaos: $(READY)  ## 5,000 documents while everything dies; replay with make chaos SEED=n
	@$(BIN)/python -m chaos --seed $(SEED)

mutants: $(READY)  ## takes one safeguard out at a time, and sees whether the tests notice
	@$(BIN)/python -m chaos.mutants

format: $(READY)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name it with make PYTHON=python3.12 ..."; exit 2; }
	@test -d $(VENV) || { echo "Setting up $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

lock: $(READY)  ## write down the versions that are installed now
	@{ echo "# The versions that the suite passed with; made by 'make lock'."; \
	   $(BIN)/pip freeze --exclude-editable --disable-pip-version-check; } > constraints.txt

test-lowest:  ## the whole suite on the oldest versions that pyproject.toml allows
	@rm -rf var/lowest && $(PYTHON) -m venv var/lowest
	@var/lowest/bin/pip install --quiet uv
	@var/lowest/bin/uv pip install --quiet --python var/lowest/bin/python --resolution lowest-direct --editable '.[dev]'
	@var/lowest/bin/python -m pytest -q -n 2

docs: $(READY)  ## write the generated parts of the documentation
	@$(BIN)/python -m docs.generate

clean:
	@rm -rf $(VENV) var build *.egg-info
