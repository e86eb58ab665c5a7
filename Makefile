# The verbs people type. Each is a few words here and does its work in tools/, cmake/ or ui/.
#
#   make run      install what is missing, build, and start Wireway with its demo plant (Ctrl-C ends it)
#   make test     install what is missing, build, and run every test
#   make build    build/$(PRESET)/wireway; PRESET=release (default), dev, asan, tsan or fuzz
#   make bench    run the benchmarks; bench-api: the API server beside etcd;
#                   bench-broker: the broker beside mosquitto, nats-server, flashmq and what EXTRA_BROKERS names
#   make fmt      lay the sources out; make lint: check layout, tidy and linters
#   make reference   a page for each kind in build/reference, made of crds/
#   make clean    remove what was built; what was downloaded stays in the cache outside the checkout
#
# ARGS="..." goes to `wireway up` (run) or to the test runner (test), as in: make test ARGS="unit ui"

PRESET ?= release
ARGS ?=

.PHONY: run test build bench bench-api bench-broker fmt lint reference clean
.DEFAULT_GOAL := build

run: build
	@exec build/$(PRESET)/wireway up --demo $(ARGS)

build:
	@tools/setup build
	@tools/build $(PRESET) wireway

test:
	@tools/setup test
	@tools/test --preset $(PRESET) $(ARGS)

bench:
	@tools/setup build
	@tools/build $(PRESET)
	@tools/bench build/$(PRESET)

bench-api:
	@tools/setup build
	@tools/build $(PRESET) api_bench api_http_bench
	@build/$(PRESET)/api_bench
	@build/$(PRESET)/api_http_bench

bench-broker:
	@tools/setup build
	@tools/build $(PRESET) wireway null_broker
	@bench/broker_bench.py build/$(PRESET) $(ARGS)

fmt:
	@tools/setup dev
	@tools/fmt

lint:
	@tools/setup dev
	@tools/lint

reference:
	@tools/setup build
	@tools/reference build/reference

clean:
	rm -rf build ui/dist
