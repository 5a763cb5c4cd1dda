# `make` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo check test test-avx2 torture lint format reference docs lock clean

# The stages' commands say `python`: it has to be the one in .venv.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export OMP_NUM_THREADS ?= 1
PYTEST_ARGS ?= -n 2

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv with what the pipeline needs; install missing system packages
	@PYTHON="$(PYTHON)" setup/setup.sh

setup-dev: ## the same, and what tests, types and style need
	@PYTHON="$(PYTHON)" setup/setup.sh dev

demo: setup ## run the whole pipeline on generated driving clips
	@python -m demo.run_demo

check: setup-dev lint ## run the checks and the quick tests (under two minutes)
	python -m pytest $(PYTEST_ARGS) -m "not slow and not thorough"

test: setup-dev lint ## run the checks and all tests
	python -m pytest $(PYTEST_ARGS)

test-avx2: export ATEN_CPU_CAPABILITY := avx2
test-avx2: export ONEDNN_MAX_CPU_ISA := AVX2
test-avx2: export OPENBLAS_CORETYPE := Haswell
test-avx2: export NUMBA_CPU_NAME := haswell
test-avx2: test ## the same as on a processor without AVX-512

torture: setup-dev ## attack all that is written and read, and see that nothing gets lost (an hour)
	@python -m tests.torture

lint: setup-dev ## check style and types
	ruff check .
	ruff format --check .
	mypy --num-workers 2

format: setup-dev ## reformat the code and repair what ruff can
	ruff format .
	ruff check --fix .

reference: setup ## write what is made from the code: params.yaml's comments, its schema, docs/reference
	@python -m curation.reference --write

docs: setup-dev ## build the pages of docs/ as a website in site/
	@python -m mkdocs build --strict --quiet

lock: setup ## renew the lock files with uv; UPGRADE=pillow raises that package, UPGRADE=all every one
	python setup/lock.py $(UPGRADE)

clean: ## delete caches of the tools and the generated demo clips; never data, datapool or reports
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis site build *.egg-info demo/clips
	find . -path ./.venv -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +
