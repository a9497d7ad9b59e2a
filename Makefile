# A thin front for scripts/ and CMake presets; `make help` lists what there is.
BUILD := build/release
BINARIES := mrcoordinator mrworker mrsubmit mrjobs
JOBS ?= $(shell nproc)
SHELL := /bin/bash

.PHONY: all help demo test test-quick bench lint sanitize fuzz coverage nightly install clean configure

all: configure  ## build the four binaries into build/release/bin
	@cmake --build $(BUILD) --parallel $(JOBS) --target $(BINARIES)

help:  ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

configure:
	@scripts/setup
	@[ $(BUILD)/build.ninja -nt .cache ] || cmake --preset release --log-level=WARNING  # also when setup has fetched Arrow

demo: all  ## stock-clusters on a coordinator and two workers, one of them killed, then again locally
	@scripts/demo

test:  ## everything that must pass: unit, scenario, simulation, end-to-end and tidy tests, fuzzers 30 s each
	@scripts/test

test-quick: configure  ## the same without fuzzers and end-to-end tests
	@cmake --build $(BUILD) --parallel $(JOBS)
	@ctest --test-dir $(BUILD) --output-on-failure -j$(JOBS) -LE 'e2e|fuzz'

bench: all  ## micro-benchmarks and throughput of empty tasks
	@scripts/bench

lint:  ## formatting, clang-tidy, room table, banned calls
	@scripts/lint

sanitize:  ## unit, scenario and end-to-end tests under address+UB and under thread sanitizer
	@scripts/sanitize

fuzz:  ## every fuzzer, FUZZ_SECONDS (600) each
	@scripts/fuzz

nightly:  ## hours: a million seeds, every crash point, the whole matrix, memory in full size, fuzzers 600 s each
	@scripts/nightly

coverage:  ## line coverage of common/, coordinator/scheduler and worker/ by the tests
	@scripts/coverage

install: all  ## installs binaries, headers and the CMake package under PREFIX (/usr/local)
	@cmake --build $(BUILD) --parallel $(JOBS)
	@cmake --install $(BUILD) --prefix $(or $(PREFIX),/usr/local)

clean:  ## removes build/
	rm -rf build
