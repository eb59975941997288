#!/usr/bin/env bash
# The dashboard and the alerts on a real Prometheus that scrapes a demo on a real Kafka: every expression must be answered.
#
#   live.sh [ARG...]      with more arguments for the demo
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

prometheus=$(tests/servers/prometheus.sh path)
tests/servers/kafka.sh fetch
folder=$(mktemp -d)
started=()
stop() {
  local pid
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$folder"
}
trap stop EXIT

free_ports() {
  python3 -c 'import socket
held = [socket.socket() for _ in range(3)]
for it in held: it.bind(("127.0.0.1", 0)); print(it.getsockname()[1])'
}
mapfile -t ports < <(free_ports)
kafka=127.0.0.1:${ports[0]} metrics=127.0.0.1:${ports[1]} web=127.0.0.1:${ports[2]}

# answers WHAT COMMAND...: waits until the command succeeds.
answers() {
  local what=$1 deadline=$((SECONDS + 120))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || { echo "error: $what gave no answer for 120 s" >&2; tail -n 5 "$folder"/*.log >&2; exit 1; }
    sleep 0.5
  done
}

tests/servers/kafka.sh run "$folder/kafka" "${ports[0]}" >"$folder/kafka.log" 2>&1 &
started+=($!)
cat >"$folder/prometheus.yml" <<END
global: { scrape_interval: 1s, evaluation_interval: 5s }
rule_files: [$PWD/helm/orderflow/generated/rules.yaml]
scrape_configs: [{ job_name: orderflow, static_configs: [{ targets: ["$metrics"] }] }]
END
"$prometheus/prometheus" --config.file "$folder/prometheus.yml" --storage.tsdb.path "$folder/tsdb" \
  --web.listen-address "$web" >"$folder/prometheus.log" 2>&1 &
started+=($!)
answers Kafka tests/servers/kafka.sh tool TopicCommand --bootstrap-server "$kafka" --list
answers Prometheus curl --fail --silent "http://$web/-/ready"

from=$(date +%s)
cargo run --locked --quiet -p orderflow -- demo --bootstrap "$kafka" --listen "$metrics" "$@"
to=$(date +%s)
node tests/chart/expressions.mjs ask helm/orderflow/generated/dashboard.json "http://$web" "$from" "$to"
