# Needs Python 3.11 or later and make. Everything else goes into .venv, from the locks and by their hashes.

# Some environments forbid Python to keep its bytecode: everything then starts three times as slowly, every time.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN  := $(VENV)/bin
PIP  := $(BIN)/python -m pip --disable-pip-version-check --quiet
UV   := $(firstword $(wildcard $(BIN)/uv) uv)
LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-emit-find-links --custom-compile-command "make lock"
ARGS :=

# The first Python on the path that is new enough.
PYTHON ?= $(shell for found in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$found" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$found" && break; done)

.DEFAULT_GOAL := help
.PHONY: help demo serve test check format bench quality soak docs lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ── what runs ──

demo: $(VENV)/runtime ## the gateway with simulated providers: a few requests, then it keeps serving
	@$(BIN)/headgate demo $(ARGS)

serve: $(VENV)/runtime ## the gateway: headgate.yaml if there is one, else what the environment has
	@$(BIN)/headgate serve $(ARGS)

test: $(VENV)/dev ## every test; ARGS="-k breaker" picks some, ARGS=--hypothesis-profile=thorough looks harder
	@$(BIN)/pytest -n 2 --dist loadfile $(ARGS)

check: $(VENV)/dev ## format, lint, imports, types, and the rules of the house; quick ones first
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pytest tests/house

bench: $(VENV)/runtime ## cost beside a bare pass-through: a table, and bench/results/*.json (bench/README.md)
	@$(BIN)/python -m bench $(ARGS)

quality: $(VENV)/dev ## how good decisions are, on labelled data; ARGS="--data FOLDER"
	@$(BIN)/python -m bench.quality $(ARGS)

soak: $(VENV)/dev ## memory over 220,000 requests, every way a provider can fail, keys at their limits for minutes
	@$(BIN)/python -m bench --only memory $(ARGS)
	@HEADGATE_SOAK=1 $(BIN)/pytest tests/e2e/test_failover.py tests/e2e/test_bad_input.py tests/e2e/test_overload.py \
		tests/e2e/test_shared_limits.py tests/e2e/test_capacity.py tests/e2e/test_books.py tests/e2e/test_jobs.py tests/stories

# ── for maintainers ──

format: $(VENV)/dev ## format, and mend what can be mended without thinking
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/dev ## renew the pages, and the parts of pages, that are written from the code
	$(BIN)/python -m headgate.config.page > docs/configuration.md.new
	mv docs/configuration.md.new docs/configuration.md
	$(BIN)/python tests/pages.py

# The build backend is locked too: `pip install -e .` would otherwise fetch one that nobody has checked.
lock: ## renew the locks; needs uv. ARGS=--upgrade takes newer versions
	printf 'hatchling\neditables\n' | $(LOCK) $(ARGS) -o requirements.txt pyproject.toml -
	$(LOCK) $(ARGS) -o requirements-dev.txt -c requirements.txt --group test --group check pyproject.toml

clean: ## take away .venv and everything else that was made
	rm -rf $(VENV) build dist .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ── what is installed: each stamp is newer than what it was installed from ──

$(VENV)/made:
	@test -n "$(PYTHON)" || { echo "Headgate needs Python 3.11 or later: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@touch $@

$(VENV)/runtime: requirements.txt pyproject.toml src/headgate/core/version.py | $(VENV)/made
	@echo "Installing into $(VENV), once …"
	@$(PIP) install --require-hashes -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev: requirements-dev.txt $(VENV)/runtime
	@echo "Installing what tests and checks need, once …"
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@
