# make demo    installs what is missing and runs the pipeline on the demonstration shop
# make demo-bad-day  then: one more day with wrong source data; it ends up blocked
# make test    installs what is missing and runs every check and test
# make test-fast   tests without Spark or servers; make test-spark: transformations; make test-long: complete public data sets
# make mutations   applies mutations to a copy of the code and shows which tests detect them (DRAW=10 SEED=7: a sample)
# make pictures  recreates the screenshots of the README, in Chromium
# make up      starts the Airflow UI with the demo data; make down stops everything that was started
SHELL := /usr/bin/env bash
export PATH := $(CURDIR)/.venv/bin:$(PATH)

# make test ORDER=1234 shuffles modules, and the tests within them, by that seed.
ORDER :=
RESULTS := .tests
PYTEST := pytest -n 2 --dist loadscope --no-loadscope-reorder \
  $(if $(ORDER),--random-order-bucket module --random-order-seed $(ORDER)) \
  --durations 40 --durations-min 0.1

.PHONY: help install dev demo demo-bad-day up down test test-fast test-spark test-long mutations check pictures format lock clean

help:
	@sed -n 's/^# //p' Makefile

install:
	@scripts/install runtime

demo: install
	@python -m demo.run

demo-bad-day: install
	@python -m demo.bad_day

up: install
	@python -m demo.airflow up

down:
	@if [ -x .venv/bin/python ]; then python -m demo.airflow down && usertags services stop; fi

dev:
	@scripts/install dev

test: check
	@$(PYTEST) --junitxml $(RESULTS)/all.xml tests/system tests/spark tests/fast

test-fast: dev
	@$(PYTEST) --junitxml $(RESULTS)/fast.xml tests/fast

test-spark: dev
	@pytest --durations 40 --durations-min 0.1 --junitxml $(RESULTS)/spark.xml tests/spark

test-long: dev
	@$(PYTEST) --junitxml $(RESULTS)/long.xml tests/long

mutations: dev
	@python -m tests.mutations.run $(if $(DRAW),--draw $(DRAW)) $(if $(SEED),--seed $(SEED))

check: dev
	@ruff format --check .
	@ruff check .
	@mypy
	@usertags expectations --check
	@for configs in configs examples/*; do usertags --configs $$configs check || exit; done
	@usertags tags --book docs/tags.md --check

pictures: dev
	@USERTAGS_PICTURES=docs/images pytest tests/system/airflow/test_browser.py

format:
	@ruff format . && ruff check --fix .

# Recompiles the locked requirements, with hashes and without index URLs.
lock:
	@for name in uv runtime dev; do uv pip compile --quiet --universal --python-version 3.11 --no-header \
	  --overrides requirements/overrides.txt --generate-hashes requirements/$$name.in -o requirements/$$name.txt; done

clean: down
	@rm -rf .venv .jars .usertags spark-warehouse .pytest_cache .mypy_cache .ruff_cache .hypothesis .tests *.egg-info
