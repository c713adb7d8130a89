# make demo    installs what is missing and runs the pipeline on the demonstration shop
# make demo-bad-day  after it: one more day, whose source data is wrong; it ends blocked
# make test    installs what is missing and runs every check and test
# make pictures  takes the pictures of the README anew, in Chromium
# make up      starts the Airflow UI on the demo's data; make down stops all that was started
SHELL := /usr/bin/env bash
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help install demo demo-bad-day up down test check pictures format lock clean

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

test: check
	@pytest

check:
	@scripts/install dev
	@ruff format --check .
	@ruff check .
	@mypy
	@usertags expectations --check
	@for configs in configs examples/*; do usertags --configs $$configs check || exit; done
	@usertags tags --book docs/tags.md --check

pictures:
	@scripts/install dev
	@USERTAGS_PICTURES=docs/images pytest tests/system/airflow/test_browser.py

format:
	@ruff format . && ruff check --fix .

# Compiles the locked requirements anew, with hashes and without addresses.
lock:
	@for name in uv runtime dev; do uv pip compile --quiet --universal --python-version 3.11 --no-header \
	  --overrides requirements/overrides.txt --generate-hashes requirements/$$name.in -o requirements/$$name.txt; done

clean: down
	@rm -rf .venv .jars .usertags spark-warehouse .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
