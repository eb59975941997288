# The only list of verbs. `make` alone prints it.
#
# Variables: BOOTSTRAP=host:port (demo), ARGS="..." (demo, dashboard-check, bench), PORT=9092 (kafka-up), TIMES=n and
# FILTER=word (flaky), SEED=n (sim, flaky) and SEEDS=n (sim; make hands them on).
.DEFAULT_GOAL := help
.PHONY: help demo test test-core check audit contract metrics kafka-up kafka-down sim crash flaky bench chart chart-server dashboard-check image image-check sbom servers

KAFKA    := tests/servers/kafka.sh
REGISTRY := tests/servers/registry.sh
HELM     := tests/servers/helm.sh
PROMETHEUS := tests/servers/prometheus.sh
ASYNCAPI := tests/servers/asyncapi.sh
PYTHON_CLIENTS := tests/servers/python-clients.sh
GENERATED := helm/orderflow/generated
PORT     ?= 9092
VERSION  := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Built first and aloud: the first build takes minutes, and `run --quiet` would say nothing all the while.
demo: ## the whole flow in one process, nothing to install; BOOTSTRAP=host:port runs it on that Kafka
	@cargo build --locked -p orderflow
	@cargo run --locked --quiet -p orderflow -- demo $(if $(BOOTSTRAP),--bootstrap $(BOOTSTRAP)) $(ARGS)

test: servers ## everything, on a real Kafka and a real schema registry (needs Java, Maven, Node, npm and Python)
	cargo test --locked --workspace

test-core: ## everything that needs neither Java, Node nor Python
	cargo test --locked --workspace --exclude tests
	cargo test --locked -p tests -- tidy world

check: ## formatting, lints, licences, generated code, and the chart once its tools are there
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	@if cargo deny --version >/dev/null 2>&1; then \
		echo "cargo deny --locked check licenses bans sources"; \
		cargo deny --locked check licenses bans sources; \
	elif [ -n "$$CI" ]; then \
		echo "error: CI needs cargo-deny" >&2; exit 1; \
	else \
		echo "note: licences not checked, cargo-deny is not installed (cargo install --locked cargo-deny)" >&2; \
	fi
	cargo run --locked --quiet -p catalog --example contract -- --check
	cargo run --locked --quiet -p orderflow -- topics lint --strict
	cargo run --locked --quiet -p orderflow -- schema check
	@if $(HELM) there && $(PROMETHEUS) there; then $(MAKE) --no-print-directory chart; \
	elif [ -n "$$CI" ]; then \
		echo "error: CI needs the chart's tools ($(HELM) fetch, $(PROMETHEUS) fetch)" >&2; exit 1; \
	else \
		echo "note: chart and image not checked, their tools are not fetched (make chart)" >&2; \
	fi

audit: ## known vulnerabilities of everything in Cargo.lock (needs cargo-deny, and GitHub for the RustSec database)
	@cargo deny --version >/dev/null 2>&1 || { echo "missing: cargo-deny (cargo install --locked cargo-deny)" >&2; exit 3; }
	cargo deny --locked check advisories

contract: ## generates crates/contract and what the chart knows anew from topics.yaml and schemas/
	cargo run --locked --quiet -p catalog --example contract --
	@$(MAKE) --no-print-directory metrics || echo "note: run 'make metrics' when the code compiles again" >&2

# Written whole or not at all.
metrics: ## generates docs/METRICS.md, the dashboard and the alerts anew from the list of metrics
	@cargo build --locked --quiet -p orderflow
	@for it in reference:docs/METRICS.md dashboard:$(GENERATED)/dashboard.json rules:$(GENERATED)/rules.yaml; do \
		cargo run --locked --quiet -p orderflow -- metrics "$${it%%:*}" >"$${it#*:}.new" && mv "$${it#*:}.new" "$${it#*:}" || exit 1; \
	done

kafka-up: ## a Kafka on this machine, in the background; PORT=9092
	@$(KAFKA) up $(PORT)

kafka-down: ## stops it; its data stay in .kafka
	@$(KAFKA) down

sim: ## the simulator's runs, seeds printed; SEEDS=n runs that many, SEED=n repeats one
	cargo test --locked -p engine sim -- --nocapture

crash: servers ## the kill -9 matrix, on a real Kafka
	cargo test --locked -p tests -- crash --nocapture

flaky: servers ## tests that fail by chance: those of tests/ 20 times beside two busy loops; TIMES=n, FILTER=word, SEED=n (Linux)
	@tests/flaky.sh $(or $(TIMES),20) $(FILTER)

bench: ## the benchmarks; ARGS=transactions: what a transaction costs by the partitions that it touches
	cargo run --locked --release -p bench -- $(ARGS)

# The first time its tools are fetched, and helm is built: minutes. Afterwards seconds.
chart: ## the chart, alerts, dashboard, Dockerfile and compose.yaml, without a cluster (needs Go, Node, npm, pip, apt-get)
	@tests/chart/chart.sh check
	@tests/chart/chart.sh planted

# The first time Kubernetes is built: a quarter of an hour and more. Afterwards ten minutes, most of them waits for what must
# not become ready.
chart-server: ## the chart on a real Kubernetes API without nodes (needs Go and what `make chart` needs)
	@tests/chart/server.sh check
	@tests/chart/server.sh planted

dashboard-check: ## every panel on a real Prometheus that scrapes a demo on a real Kafka (needs Java, Maven, Node, apt-get)
	@cargo build --locked -p orderflow
	@tests/chart/live.sh $(ARGS)

image: ## the image orderflow:VERSION (needs Docker with BuildKit)
	docker build --tag orderflow:$(VERSION) .

image-check: ## the image's build steps in a bare folder, twice, without Docker; 20 minutes
	@tests/chart/image.sh check

sbom: ## orderflow.cdx.json, what the image's binary is made of (needs Docker with BuildKit)
	docker build --target sbom --output . .

AVRO := tests/servers/avro.sh
.PHONY: compat-fuzz
compat-fuzz: ## random pairs of schemas, put to us and to Avro for Java; PAIRS=100000 SEED=n
	@$(AVRO) fetch
	cargo run --locked --quiet -p catalog --example compat -- fuzz $(or $(PAIRS),100000) $(SEED)

# What is missing is named all at once, and before anything is compiled.
servers:
	@missing=0; $(KAFKA) check || missing=1; $(REGISTRY) check || missing=1; $(AVRO) check || missing=1; \
	$(ASYNCAPI) check || missing=1; $(PYTHON_CLIENTS) check || missing=1; \
	if [ $$missing = 1 ]; then echo "hint: 'make test-core' runs everything that needs neither Java, Node nor Python" >&2; exit 3; fi
	@$(KAFKA) fetch
	@$(REGISTRY) fetch
	@$(AVRO) fetch
	@$(ASYNCAPI) fetch
	@$(PYTHON_CLIENTS) fetch
