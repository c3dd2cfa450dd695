# make setup      .venv with IXGS, its tests and its linters, at the versions of constraints.txt
# make test       the tests, in TEST_PROCESSES (2) processes
# make lint       style, formatting and types
# make demo       a reconstruction of the sample case
# make panel      the panel of the Slicer module in a test window; without a screen, its pictures
# make photographs  the panel in every state, font size, theme and scale in PHOTOGRAPHS, and what is wrong with its layout
# make fuzz       damaged files at every reader, for FUZZ_SECONDS (an hour); what it finds is kept in Testing/fuzz/findings
# make study      the small versions of all ready studies on the sample CT, in STUDIES; continues where it was interrupted
# make bench      the numbers and pictures of docs/benchmarks.md, takes hours; continues where it was interrupted
# make extension  the archive that Slicer's Extensions Manager installs from file, in dist
# make lists      writes every file of the extension into the lists of its CMakeLists.txt
# make catalogue  IXGS.s4ext and IXGS.json from CMakeLists.txt
# make clean      removes caches and build output; keeps the environment
.DEFAULT_GOAL := setup
.DELETE_ON_ERROR:

# The first Python that IXGS supports. Another one: make setup PYTHON=/path/to/python3
supported := import ensurepip, sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.10; do \
    $$p -c '$(supported)' 2>/dev/null && command -v $$p && break; done)

# The index searched first for torch: its CPU build is much smaller than the CUDA build that PyPI has for Linux.
# If it cannot be reached or TORCH_INDEX is empty, pip's own index is used.
# Another build: make setup TORCH_INDEX=https://download.pytorch.org/whl/cu130
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

bin := .venv/bin
stamp := .venv/.installed
pip := $(bin)/python -m pip --disable-pip-version-check

# The Slicer that the extension is packaged for: version, on macOS also revision (Help, About 3D Slicer), system and machine.
# Another one than this machine's: make extension SLICER_SYSTEM=win SLICER_MACHINE=amd64
SLICER_VERSION ?= 5.12
slicer := --slicer $(SLICER_VERSION) $(if $(SLICER_REVISION),--revision $(SLICER_REVISION)) \
    $(if $(SLICER_SYSTEM),--system $(SLICER_SYSTEM)) $(if $(SLICER_MACHINE),--machine $(SLICER_MACHINE))

.PHONY: setup test lint demo panel photographs fuzz study bench extension lists catalogue clean

setup: $(stamp)

$(stamp): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "No Python 3.10 to 3.13 with venv and ensurepip found. Debian and Ubuntu: \
	apt install python3-venv; elsewhere: https://www.python.org; or name one: make setup PYTHON=/path/to/python3"; exit 1; }
	@$(pip) --version >/dev/null 2>&1 || $(PYTHON) -m venv .venv
	@test -z "$(TORCH_INDEX)" || $(pip) install -qqq --no-deps --retries 0 --timeout 20 \
	    --constraint constraints.txt --index-url "$(TORCH_INDEX)" torch \
	    || echo "No torch from $(TORCH_INDEX): taking the one of pip's index, on Linux a larger build with CUDA."
	$(pip) install --constraint constraints.txt --editable '.[test,lint]'
	@touch $@

# A file stays in one process, so that its tests share their fixtures.
TEST_PROCESSES ?= 2

test: setup
	$(bin)/python -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile

lint: setup
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy

demo: setup
	$(bin)/ixgs demo

panel: setup
	$(bin)/python Testing/panel/show.py

PHOTOGRAPHS ?= build/photographs

photographs: setup
	$(bin)/python Testing/panel/photographs.py $(PHOTOGRAPHS)

FUZZ_SECONDS ?= 3600
FUZZ_SEED ?= $(shell date +%s)

fuzz: setup
	$(bin)/python Testing/fuzz/fuzz.py $(FUZZ_SECONDS) $(FUZZ_SEED)

STUDIES ?= runs/studies
STUDY_NAMES ?= views standardization trajectory poses c-arms findings hard-cases

study: setup
	@mkdir -p $(STUDIES)
	@for name in $(STUDY_NAMES); do \
	    $(bin)/ixgs study $$name --small --out $(STUDIES)/$$name || exit $$?; \
	done

bench: setup
	$(bin)/python Testing/benchmarks/quality/bench.py

extension:
	$(PYTHON) Packaging/extension.py archive $(slicer)

lists:
	$(PYTHON) Packaging/extension.py lists

catalogue:
	$(PYTHON) Packaging/extension.py describe

clean:
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find IXGSLib Testing -name __pycache__ -prune -exec rm -rf {} +
