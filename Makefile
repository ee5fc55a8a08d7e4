# One command each; every one makes what it needs first. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet --constraint constraints.txt --build-constraint constraints.txt
PINNED := pyproject.toml constraints.txt

.PHONY: help demo test converters check format requirements clean

help: ## list these commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 22

demo: $(VENV)/.runs ## publish a detector, deliver it and run it on a clip, all on this machine
	@$(BIN)/fivegms demo $(ARGS)

test: $(VENV)/.develops ## run every test (ARGS="tests/af -k etag" for some)
	$(BIN)/python -m pytest $(ARGS)

converters: $(VENV)/.develops ## install what converts SavedModel, Keras and HDF5 (over 1 GB)
	@echo "Installing TensorFlow, Keras and tf2onnx into $(VENV) ..."
	@$(INSTALL) --editable '.[convert]'

check: $(VENV)/.develops ## lint, formatting, types and import direction
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.develops ## format the code and mend what the linter can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

requirements: $(VENV)/.develops ## write docs/requirements.md and the operations of docs/interfaces.md anew
	PYTHONPATH=tests/shared $(BIN)/python -m support.requirements
	PYTHONPATH=tests/shared $(BIN)/python -m support.operations_page

clean: ## remove .venv, caches and what a build or a demo left
	rm -rf $(VENV) build dist demo-output .*_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Debian packs `ensurepip` apart from Python; where it is missing, the pip that is there fills the
# environment as well. The pip of Debian 12 knows no --group, hence the newer one inside.
$(VENV)/.pip: constraints.txt
	@echo "Making $(VENV) with $$($(PYTHON) --version) ..."
	@if [ -x $(BIN)/python ] && $(BIN)/python -c 'import pip' 2>/dev/null; then \
	  true; \
	elif $(PYTHON) -c 'from ensurepip import bootstrap' 2>/dev/null; then \
	  $(PYTHON) -m venv $(VENV); \
	elif $(PYTHON) -m pip --version >/dev/null 2>&1; then \
	  $(PYTHON) -m venv --without-pip $(VENV); \
	  $(PYTHON) -m pip --python $(BIN)/python install --quiet --constraint constraints.txt pip; \
	else \
	  echo "$(PYTHON) can make no virtual environment: install it with" \
	    "'apt-get install python3.11-venv' (or python3-pip) and run make again." >&2; \
	  exit 1; \
	fi
	@$(PIP) install --quiet --upgrade --constraint constraints.txt pip
	@touch $@

$(VENV)/.runs: $(PINNED) $(VENV)/.pip
	@echo "Installing fivegms-ai and what it runs on into $(VENV) (a minute or two, once) ..."
	@$(INSTALL) --editable '.[all]'
	@touch $@

$(VENV)/.develops: $(VENV)/.runs
	@echo "Installing the test and check tools into $(VENV) ..."
	@$(INSTALL) --group dev
	@touch $@
