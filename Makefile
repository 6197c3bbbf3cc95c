# make run       the explorer                   make check      format, lint, types, import contracts
# make test      all tests                      make format     put the code into form
# make bench     speed against plain loops      make snapshots  the pictures that tests compare with
# make faults    the long fault-injection suite make picture    the moving picture and the tables of docs
# make losses    the losses of all presets; NAMES=path takes a file such as the lecture's names.txt
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --disable-pip-version-check --no-compile -c constraints.txt
# For development an edit of a source is in force at once; CI installs as a user does.
PROJECT := --no-build-isolation $(if $(CI),.,--config-settings editable_mode=strict -e .)

# Modules are compiled when they are first imported, which takes half as long as compiling all.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test faults bench losses check format snapshots picture clean FORCE
.DELETE_ON_ERROR:

run: .venv/run
	@$(BIN)/makemore-tui

test: .venv/test
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder -m "not alone"
	$(BIN)/python -m pytest -m alone $$(grep -rl --include=*.py mark.alone tests)

faults: .venv/test
	MAKEMORE_TUI_FAULTS=long $(BIN)/python -m pytest tests/faults

bench: .venv/test
	$(BIN)/python -m tests.bench --json bench.json

losses: .venv/test
	$(BIN)/python -m tests.bench.losses $(if $(NAMES),"$(NAMES)")

# The types of what is public are complete, for a notebook's checker as well as for ours.
check: .venv/test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --project pyproject.toml
	@PATH="$(CURDIR)/$(BIN):$$PATH" VIRTUAL_ENV="$(CURDIR)/.venv" $(BIN)/pyright \
		--verifytypes makemore_tui.core --ignoreexternal > .venv/types || { cat .venv/types; false; }
	$(BIN)/lint-imports

format: .venv/test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Look at them before you commit them.
snapshots: .venv/test
	MAKEMORE_TUI_SNAPSHOTS=anew $(BIN)/python -m pytest tests/tui/test_snapshots.py

picture: .venv/test
	$(BIN)/python docs/make_picture.py
	$(BIN)/python docs/make_keys.py
	$(BIN)/python docs/make_settings.py
	$(BIN)/python docs/make_messages.py

# The project with what running needs, and with what its tests need as well.
.venv/run: .venv/files
	$(PIP) $(PROJECT)
	@touch $@

.venv/test: .venv/files
	$(PIP) $(PROJECT)[dev]
	@touch .venv/run $@

# The project's files by name: newer only when one has come or gone, so that an edit of one
# installs nothing.
.venv/files: .venv/new FORCE
	@find core tui data -type f -not -name '*.pyc' | sort > $@.now
	@cmp -s $@.now $@ || cp $@.now $@

.venv/new: pyproject.toml constraints.txt
	@echo "setting up .venv; it takes half a minute"
	$(PYTHON) -m venv --clear .venv
	$(PIP) setuptools
	@touch $@

clean:
	rm -rf .venv build *.egg-info .pytest_cache .ruff_cache .hypothesis bench.json
