# Everything is done from here, and every target does its own set-up: nothing is needed but Python 3.11+ and make.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: install check test demo bench docs lock clean

install: $(READY)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 install")'
	@echo "Setting up $(VENV) (once; a minute or two) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

check: install           ## lint, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: install            ## every test that this machine's servers allow; .ci/run allows no skip
	$(BIN)/python -m pytest -n 2 --dist worksteal --durations 15

demo: install            ## a scene with both sides visible, then your turn
	$(BIN)/concierge demo

bench: install           ## speed, printed with the machine
	$(BIN)/python -m benchmarks.turn
	$(BIN)/python -m benchmarks.acknowledge

docs: install            ## the command line's own help, as a page
	$(BIN)/typer bot.cli utils docs --name concierge --output docs/commands.md

lock:                    ## renews requirements.lock (needs uv)
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-annotate --no-header --upgrade --quiet -o requirements.lock

clean:
	rm -rf $(VENV) var build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
