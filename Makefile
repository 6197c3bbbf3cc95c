# make run    the explorer                make check   format, lint, types, import contracts
# make test   all tests                   make format  put the code into form
PYTHON ?= python3
BIN := .venv/bin
SOURCES := $(shell find core tui data -type f -not -name '*.pyc')

.PHONY: run test faults bench check format snapshots picture clean
.DELETE_ON_ERROR:

run: .venv/installed
	@$(BIN)/makemore-tui

test: .venv/installed
	$(BIN)/python -m pytest -n 3 -m "not alone"
	$(BIN)/python -m pytest -m alone

# Killed writers and damaged files, as often as it takes to trust them; some minutes.
faults: .venv/installed
	MAKEMORE_TUI_FAULTS=long $(BIN)/python -m pytest tests/faults

# The engine against the lectures' plain loop, and the explorer against the engine; half an hour.
bench: .venv/installed
	$(BIN)/python -m tests.bench --json bench.json

# The types of what is public are complete, for a notebook's checker as well as for ours.
check: .venv/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --project pyproject.toml
	@PATH="$(CURDIR)/$(BIN):$$PATH" VIRTUAL_ENV="$(CURDIR)/.venv" $(BIN)/pyright \
		--verifytypes makemore_tui.core --ignoreexternal > .venv/types || { cat .venv/types; false; }
	$(BIN)/lint-imports

format: .venv/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The pictures that tests/tui/test_snapshots.py compares with; look at them before you keep them.
snapshots: .venv/installed
	MAKEMORE_TUI_SNAPSHOTS=anew $(BIN)/python -m pytest tests/tui/test_snapshots.py

picture: .venv/installed
	$(BIN)/python docs/make_picture.py
	$(BIN)/python docs/make_keys.py

# What the project needs, from pyproject.toml with the versions of constraints.txt.
.venv/dependencies: pyproject.toml constraints.txt
	@echo "setting up .venv (once; it takes a minute)"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/pip install --quiet -c constraints.txt setuptools
	@$(BIN)/pip install --quiet -c constraints.txt --no-build-isolation '.[dev]'
	@touch $@

# The project itself, installed plainly, as a user has it; again whenever a source changes.
.venv/installed: .venv/dependencies $(SOURCES) README.md
	@rm -rf build
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --force-reinstall .
	@touch $@

clean:
	rm -rf .venv build *.egg-info .pytest_cache .ruff_cache .hypothesis
