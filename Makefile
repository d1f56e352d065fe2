# What a person does here; `make` alone prints it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
VENV := .venv
ENVTOOL := $(VENV)/bin/envtool
IMAGE ?= hac-base
FUZZ_SECONDS ?= 600
# What test-fast runs.
FAST := not docker and not builders and not debian and not browser and not exhaustive and not interpreters and not gigabyte and not training
# In the checkout, so that `make clean` finds it.
export HAC_STORE ?= $(CURDIR)/.work/store
# Where a shell forbids it, each start of envtool would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help venv engine engine-stop demo build verify lock lock-check \
  test test-fast test-service test-models test-builders fuzz coverage lint format bench docs messages picture dist clean

help: ## print this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

# A fresh Debian has python3 but may lack its venv module. uv, on PATH or else fetched by pip, installs exactly what
# uv.lock names. Where it cannot reach that, as behind a mirror that only pip is told of, pip installs what
# pyproject.toml allows.
$(VENV)/installed: pyproject.toml uv.lock
	@if ! $(PYTHON) -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3 python3-venv; \
	  else echo 'error: Python 3.11 or newer with its venv module is needed (Debian: python3-venv)' >&2; exit 15; fi; fi
	@echo "making the virtual environment in $(VENV), with everything that building images takes (half a minute)"
	@[ -x $(VENV)/bin/python ] || $(PYTHON) -m venv $(VENV)
	@export PATH="$$PATH:$(CURDIR)/$(VENV)/bin" PIP_DISABLE_PIP_VERSION_CHECK=1 UV_PROJECT_ENVIRONMENT=$(VENV); \
	{ command -v uv >/dev/null || $(VENV)/bin/python -m pip install -qq 'uv>=0.13.9'; } && \
	uv sync --quiet --frozen --all-extras --python $(VENV)/bin/python || { \
	  echo 'not from uv.lock: pip installs what pyproject.toml allows' >&2; \
	  $(VENV)/bin/python -m ensurepip >/dev/null && \
	  $(VENV)/bin/python -m pip install -qq --editable '.[check,image,html,dev,docs]'; }
	@touch $@

venv: $(VENV)/installed ## make the virtual environment for envtool

engine: venv ## find a Docker Engine that answers, or install and start a private one
	@$(ENVTOOL) engine start

engine-stop: venv ## stop the private engine
	@$(ENVTOOL) engine stop

demo: venv ## set everything up and run the main job from end to end, with stand-ins
	@$(ENVTOOL) demo

build: venv ## build hac-base from the embedded default
	@DOCKER_HOST=$$($(ENVTOOL) engine start) $(ENVTOOL) build --demo

verify: venv ## run the checks of IMAGE (hac-base) inside it
	@DOCKER_HOST=$$($(ENVTOOL) engine start) $(ENVTOOL) verify $(IMAGE)

lock: venv ## lock the embedded default anew
	@$(ENVTOOL) lock --demo --all

lock-check: venv ## exit with 1 where a lock is out of date
	@$(ENVTOOL) lock --check --locked-only

test: venv ## set everything up and run all tests
	@tests/run.sh $(VENV)

test-fast: venv ## run the tests that take two minutes and need no Docker Engine
	@$(VENV)/bin/pytest -q -n auto --dist loadgroup --no-loadscope-reorder -m '$(FAST)'

test-service: venv ## clobber and restore the service's own torch 1.7.1 (Python 3.8, a gigabyte to download, 6 GB of disk)
	@HAC_REQUIRE_PYTHONS=3.8 $(VENV)/bin/pytest -q -m gigabyte

# Torch is kept in HAC_STORE. Where the configured indexes have it with CUDA only, upstream's index of torch without CUDA is
# asked, or the one that HAC_TORCH_INDEX names; gigabytes are downloaded with HAC_REQUIRE_TRAINING=1 alone.
test-models: venv ## train models with a real torch from an index
	@$(VENV)/bin/pytest -q -m training tests/training

# buildah and podman come from the distribution, a newer engine from Debian 13, unpacked below .work.
test-builders: venv ## build children with docker 20.10 and 26.1, buildah and podman, and write docs/guide/builders.md
	@export DOCKER_HOST=$$($(ENVTOOL) engine start --for-tests) HAC_ALL_CASES=1 && \
	{ { command -v podman && command -v busybox; } >/dev/null || \
	  apt-get install -y -qq --no-install-recommends buildah podman busybox-static; } && \
	$(VENV)/bin/pytest -q -m builders tests/docker/builders

# What made a parser fail is in .hypothesis, and is tried first the next time.
fuzz: venv ## try every parser on what nobody would write: ten minutes, FUZZ_SECONDS=60 for one
	@$(VENV)/bin/python -m tests.property.fuzz $(FUZZ_SECONDS)

coverage: venv ## run the tests of test-fast, measured, and print what they do not reach
	@$(VENV)/bin/pytest -q -n auto --dist loadgroup --no-loadscope-reorder -m '$(FAST)' --cov --cov-report= && \
	$(VENV)/bin/coverage report --skip-covered --show-missing \
	  --include='envtool/transaction/*,envtool/restore/*,envtool/requirements/*'

lint: venv ## type checks and style
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/lint-imports --no-cache && $(VENV)/bin/mypy

format: venv ## put the code into the project's format
	@$(VENV)/bin/ruff check --fix . && $(VENV)/bin/ruff format .

bench: venv ## measure against peers, in one run; ROWS=restore,guard measures those groups, ROWS=help lists them
	@$(VENV)/bin/python -m benchmarks $(ROWS)

# Strictly: a link or an anchor that leads nowhere is an error. With --quiet or --verbose mkdocs would not count them.
docs: venv ## build the documentation site into .work/site
	@NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict

messages: venv ## bring the catalogs of translations to the program's texts
	@$(VENV)/bin/python -m docs.generate.messages

picture: venv ## draw the terminal of README anew, from a real run
	@$(VENV)/bin/python -m docs.generate.picture

dist: venv ## build the source archive and the wheel, the same bytes for the same commit
	@rm -rf dist
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(VENV)/bin/hatchling build

clean: ## stop the private engine and remove everything that was made here
	@if [ -x $(ENVTOOL) ]; then $(ENVTOOL) engine remove; fi
	rm -rf .work $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.* dist
