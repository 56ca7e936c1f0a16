# make up · make test · make lint · make linearizability · make bench · make soak · make mutants · make down
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UP ?=
RUN ?=
SOAK ?=

.PHONY: up down test lint linearizability bench soak mutants clean
.DEFAULT_GOAL := up

$(STAMP): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	@echo "installing the pinned requirements into $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

# A three-node group in the foreground. `make up UP="--detach --port 9001"` passes options on.
up: $(STAMP)
	@exec $(BIN)/python manage.py localgroup up $(UP)

down: $(STAMP)
	@$(BIN)/python manage.py localgroup down

test: $(STAMP)
	@sh tests/support/ensure_chromium.sh
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadscope

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python manage.py check
	@$(BIN)/python -W ignore manage.py makemigrations --check --dry-run

# A real group under faults; what its clients saw is checked. `make linearizability RUN="--seconds 300 --faults kill"`
linearizability: $(STAMP)
	@$(BIN)/python -m tests.linearizability $(RUN)

bench: $(STAMP)
	@$(BIN)/python -m bench

# Simulated groups until stopped, on all cores; failing seeds are kept in .soak/. `make soak SOAK="--minutes 30"`.
soak: $(STAMP)
	@exec $(BIN)/python -m consensus.simulator.soak $(SOAK)

# Well-known Raft bugs, planted one at a time in a copy of the source: each must be noticed.
mutants: $(STAMP)
	@exec $(BIN)/python -m tests.mutation --write docs/mutants.md

clean:
	rm -rf $(VENV)
