# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
MODELS := packages/copylens-model-base packages/copylens-model-int8

.PHONY: demo test check clean browser

# Its own catalog goes first: an earlier version's may be of another model.
demo: $(VENV)/installed-base
	@rm -f demo-catalog.db demo-catalog.db-wal demo-catalog.db-shm
	$(BIN)/copylens scan examples/photos --catalog demo-catalog.db --html demo-report.html
	@echo "The report is $(CURDIR)/demo-report.html: open it in a browser."

test: $(VENV)/installed-test browser
	$(BIN)/python scripts/check.py

check: test

browser:
	@bash scripts/install_browser.sh

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed-base: $(VENV)/bin/python pyproject.toml
	$(PIP) install --quiet --editable .
	@touch $@

$(VENV)/installed-test: $(VENV)/bin/python pyproject.toml constraints.txt $(MODELS:%=%/pyproject.toml)
	$(PIP) install --quiet --constraint constraints.txt --editable '.[test]' $(MODELS:%=--editable %)
	@touch $@ $(VENV)/installed-base

clean:
	rm -rf $(VENV) build dist demo-report.html demo-catalog.db demo-catalog.db-wal demo-catalog.db-shm
