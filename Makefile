# GovSim Observatory. `make run` and `make test` set up all they need on a fresh machine with Python 3.11+ and make.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -q

.DEFAULT_GOAL := help
.PHONY: help run test check check-long check-local local-model bench bench-local bench-recipe screenshots browser format clean

help:
	@echo "make run          start the application (sets everything up the first time)"
	@echo "make test         all checks and tests, real browser included"
	@echo "make check        format, lint, types, import contracts"
	@echo "make check-long   the long property and torture suites"
	@echo "make check-local  all tests of local models, with the extra [local] installed"
	@echo "make local-model  train the demonstration model of this machine (docs/local-training.md)"
	@echo "make bench        measure against the limits of docs/performance.md"
	@echo "make bench-local  compare ways to decode with a local model"
	@echo "make screenshots  pictures of every page and state, in build/screenshots"

run: $(VENV)/.runtime
	@exec $(BIN)/govsim serve

test: check browser
	$(BIN)/python -m pytest -n 3 --dist loadgroup -m "not long"

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check-long: check browser
	$(BIN)/python -m pytest -n 2 --dist loadgroup

# Without the extra the tests that need it are skipped, and say so.
check-local: check $(VENV)/.local
	$(BIN)/python -m pytest tests/local tests/models/test_local.py tests/web/test_local.py tests/browser/test_local.py

local-model: $(VENV)/.local
	$(BIN)/govsim local train

# Trains twice, with LayerSkip's recipe and without, into build/recipe; CHATS=PATH: on chats.
bench-recipe: $(VENV)/.local
	$(BIN)/python -m tests.benchmarks.recipe $(if $(CHATS),--chats $(CHATS))

bench: $(VENV)/.dev
	$(BIN)/python -m tests.benchmarks

bench-local: $(VENV)/.local
	$(BIN)/python -m tests.benchmarks.local

screenshots: $(VENV)/.dev browser
	$(BIN)/python -m pytest -q tests/browser/test_screenshots.py

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The browser tests drive an installed Chromium, else Debian's package, else Playwright's own.
browser: $(VENV)/.dev
	@sh tests/browser/find-chromium.sh $(BIN)/python

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name it with: make PYTHON=python3.12 ..."; exit 1; }
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || { \
		echo "This Python has no venv module; installing the package python3-venv ..."; \
		sudo=; [ "$$(id -u)" = 0 ] || sudo="sudo -n"; \
		$$sudo apt-get update -q && $$sudo apt-get install -y -q python3-venv && $(PYTHON) -m venv $(VENV); }

# pip's find-links setting may name folders that lack some projects; the warnings about them are not ours.
$(VENV)/.runtime: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing GovSim Observatory (once, about a minute) ..."
	@$(PIP) install -c constraints.txt -e . 2>&1 | grep -v '^WARNING: Location' || true
	@$(BIN)/python -c 'import app.cli'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing GovSim Observatory and its development tools (once) ..."
	@$(PIP) install -c constraints.txt -e '.[dev]' 2>&1 | grep -v '^WARNING: Location' || true
	@$(BIN)/python -c 'import app.cli, pytest'
	@touch $@ $(VENV)/.runtime

$(VENV)/.local: pyproject.toml constraints.txt | $(VENV)/.dev
	@echo "Installing the extra [local] (once, torch is large) ..."
	@$(PIP) install -c constraints.txt -e '.[dev,local]' 2>&1 | grep -v '^WARNING: Location' || true
	@$(BIN)/python -c 'import torch, transformers, tokenizers, safetensors'
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
