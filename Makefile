# The commands of this repository. `make demo` and `make test` need Rust and Node; what else they
# need they install, or say so in one line.

export CARGO_TERM_COLOR ?= auto
CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help demo test bench lint unit web protocol sdk e2e schema clean

help:
	@echo "make demo    run the gateway with a simulated Genesys organisation"
	@echo "make test    every check of the project"
	@echo "make bench   benchmarks beside two comparison servers; writes bench/RESULTS.md"
	@echo "make lint    formatting and lints only"
	@echo "make unit    Rust tests only (unit and integration)"
	@echo "make protocol  the front door against the protocols' own libraries"
	@echo "make soak    200 random runs under faults, a day's outage, 500 runs of the live feed"
	@echo "make fuzz    random inputs for whatever reads what strangers send"
	@echo "make e2e     browser tests only"
	@echo "make sdk     Genesys' own SDKs against the simulator only"
	@echo "make screenshots  the README's pictures, from the running product"
	@echo "make schema  print the GraphQL schema into schema.graphql"

demo: web
	$(CARGO) build --profile demo --bin conversation-gateway
	$(TARGET)/demo/conversation-gateway demo $(ARGS)

# All rows take hours. A short look: make bench ARGS="--seconds 10 --runs 1 --rows fanout-1000"
bench: web
	$(CARGO) build --release --locked -p bench -p conversation-gateway
	$(TARGET)/release/bench run $(or $(ARGS),--results bench/RESULTS.md)

test: lint web-test unit protocol sdk e2e
	@echo "all checks passed"

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

unit: web
	@scripts/need postgresql nextest
	$(CARGO) nextest run --workspace --locked

web: web-demo/dist/index.html

web-demo/dist/index.html: web-demo/node_modules/.package-lock.json schema.graphql $(shell find web-demo/src web-demo/public web-demo/*.html web-demo/*.ts web-demo/package.json 2>/dev/null)
	cd web-demo && npm run build

web-demo/node_modules/.package-lock.json: web-demo/package-lock.json
	@scripts/need node
	cd web-demo && npm ci --no-audit --no-fund

.PHONY: web-test
web-test: web
	cd web-demo && npm run lint && npm run test

protocol: web tests/protocol/node_modules/.package-lock.json
	$(CARGO) build --workspace --locked --bin conversation-gateway
	cd tests/protocol && GATEWAY_BIN="$(abspath $(TARGET))/debug/conversation-gateway" npm test

tests/protocol/node_modules/.package-lock.json: tests/protocol/package-lock.json
	@scripts/need node
	cd tests/protocol && npm ci --no-audit --no-fund

e2e: web
	@scripts/need chromium
	$(CARGO) build --workspace --locked --bin conversation-gateway
	cd web-demo && GATEWAY_BIN="$(abspath $(TARGET))/debug/conversation-gateway" npm run e2e

# Genesys' own SDKs against the simulator.
sdk: web tests/sdk/js/node_modules/.package-lock.json $(TARGET)/sdk/installed
	$(CARGO) build --workspace --locked --bin conversation-gateway
	cd tests/sdk/js && GATEWAY_BIN="$(abspath $(TARGET))/debug/conversation-gateway" npm test
	cd tests/sdk/python && GATEWAY_BIN="$(abspath $(TARGET))/debug/conversation-gateway" \
		PYTHONDONTWRITEBYTECODE=1 "$(abspath $(TARGET))/sdk/venv/bin/python" -m unittest sdk_test

tests/sdk/js/node_modules/.package-lock.json: tests/sdk/js/package-lock.json
	@scripts/need node
	cd tests/sdk/js && npm ci --no-audit --no-fund

$(TARGET)/sdk/installed: tests/sdk/python/requirements.txt
	@scripts/need python3-venv
	rm -rf $(TARGET)/sdk && python3 -m venv $(TARGET)/sdk/venv
	$(TARGET)/sdk/venv/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

.PHONY: screenshots
screenshots: web
	@scripts/need chromium
	$(CARGO) build --workspace --locked --bin conversation-gateway
	cd web-demo && GATEWAY_BIN="$(abspath $(TARGET))/debug/conversation-gateway" npm run screenshots

# Random inputs for what reads what strangers send, ten minutes each; `make test` gives each a few seconds.
.PHONY: fuzz
fuzz:
	@scripts/need nextest
	GATEWAY_FUZZ_SECONDS=$${GATEWAY_FUZZ_SECONDS:-600} $(CARGO) nextest run --workspace --locked --profile soak -E 'test(fuzz::)' --no-capture

# The random runs in full: 200 of the listener under faults, each replayed by GATEWAY_FAULT_SEED=<seed>,
# and a day's outage of the optimised program; 500 of the live feed under fire, each replayed by
# GATEWAY_TEST_SEED=<seed>.
.PHONY: soak
soak: web
	@scripts/need postgresql nextest
	$(CARGO) build --profile demo --locked --bin conversation-gateway
	GATEWAY_BIN="$(abspath $(TARGET))/demo/conversation-gateway" GATEWAY_FAULT_RUNS=$${GATEWAY_FAULT_RUNS:-200} $(CARGO) nextest run --workspace --locked --profile soak --run-ignored all -E 'test(random_faults::) | test(outage::)' --no-capture
	GATEWAY_TEST_RUNS=$${GATEWAY_TEST_RUNS:-500} $(CARGO) nextest run --workspace --locked --profile soak -E 'test(feed::whatever_happens)' --no-capture

schema:
	$(CARGO) run --quiet -- schema > schema.graphql.new
	mv schema.graphql.new schema.graphql

clean:
	$(CARGO) clean
	rm -rf web-demo/dist web-demo/node_modules tests/protocol/node_modules tests/sdk/js/node_modules
