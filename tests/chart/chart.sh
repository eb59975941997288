#!/usr/bin/env bash
# The chart, the image and compose.yaml without a cluster and without a container engine.
#
#   chart.sh check     everything; exit 1 at the first tool that finds something
#   chart.sh update    renders snapshots/ anew: read the diff before you commit it
#   chart.sh planted   plants a mistake for every tool in a copy, and fails when one of them does not find it
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

here=$PWD/tests/chart
# The checkout that is looked at; `planted` looks at copies.
root=$PWD
tools=$(tests/servers/helm.sh path)
export PATH="$tools/bin:$PATH"
# Helm looks for its settings, plugins and caches nowhere on this machine.
HELM_HOME=$(mktemp -d)
trap 'rm -rf "$HELM_HOME"' EXIT
export HELM_CONFIG_HOME=$HELM_HOME/config HELM_CACHE_HOME=$HELM_HOME/cache HELM_DATA_HOME=$HELM_HOME/data
rendered=$HELM_HOME/rendered
mapfile -t versions < <(cd "$tools/schemas" && printf '%s\n' v* | sort -V)
# Their definitions are not Kubernetes' own: custom-resources.mjs checks them.
custom=PodMonitor,PrometheusRule,ScaledObject,TriggerAuthentication,KafkaTopic

say() { echo "$*" >&2; }
each_values() { printf '%s\n' "$here"/values/*.yaml; }
name_of() { basename "$1" .yaml; }

# `helm lint` is content with a template that says `fail`: refusals are up to the suites in unit/.
lint() {
  local values
  while read -r values; do
    helm lint --strict --quiet --kube-version "${versions[-1]#v}" --values "$values" "$root/helm/orderflow" || return 1
  done < <(each_values)
}

# render VERSION FOLDER
render() {
  local values
  mkdir -p "$2"
  while read -r values; do
    helm template orders "$root/helm/orderflow" --namespace orders --kube-version "${1#v}" --values "$values" \
      >"$2/$(name_of "$values").yaml" || return 1
  done < <(each_values)
}

snapshots() {
  local version
  for version in "${versions[@]}"; do
    render "$version" "$rendered/$version" || return 1
    if ! diff -ru "$here/snapshots" "$rendered/$version"; then
      say "hint: tests/chart/chart.sh update renders them anew; the diff of a commit is what changes in a cluster"
      return 1
    fi
  done
}

manifests() {
  local version
  for version in "${versions[@]}"; do
    # Flags behind the folder would be taken for files, and the schemas be asked for on the internet.
    kubeconform -strict -summary -skip "$custom" \
      -schema-location "$tools/schemas/$version/{{ .ResourceKind }}{{ .KindSuffix }}.json" "$rendered/$version" || return 1
  done
}

custom_resources() { node "$here/custom-resources.mjs" "$tools" "$rendered/${versions[-1]}"/*.yaml; }

# The suites are not the chart's: who installs it does not get them.
units() {
  local suites
  suites=$(realpath --relative-to="$root/helm/orderflow" "$here/unit")
  helm-unittest --strict --color=false --file "$suites/*_test.yaml" "$root/helm/orderflow"
}

# Every object of the schema says what else may be in it: nothing, or what.
schema() {
  # shellcheck disable=SC2016 # JavaScript's own dollars
  node -e '
    const open = [];
    const walk = (it, path) => {
      if (it === null || typeof it !== "object") return;
      if (it.type === "object" && it.additionalProperties === undefined) open.push(path || "/");
      for (const [key, value] of Object.entries(it)) walk(value, `${path}/${key}`);
    };
    walk(JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")), "");
    if (open.length) { console.error("values.schema.json: additionalProperties is missing at " + open.join(", ")); process.exit(1); }
  ' "$root/helm/orderflow/values.schema.json"
}

# What stands here and there and has to be the same.
agreement() {
  local status=0 timeout processor kafka registry name
  local templates=$root/helm/orderflow/templates
  while read -r name; do
    grep -rq "env = \"$name\"" crates/orderflow/src ||
      { say "templates: no flag of the binary reads $name"; status=1; }
  done < <(grep -rhoE 'ORDERFLOW_[A-Z_]+' "$templates" "$root/compose.yaml" | sort -u)
  while read -r name; do
    grep -rq "\"$name\"" crates/*/src || { say "templates: /metrics has no $name"; status=1; }
  done < <(grep -rhoE 'orderflow_[a-z_]+' "$templates" | sort -u)
  while read -r name; do
    grep -q "route(\"$name\"" crates/orderflow/src/http.rs || { say "templates: the binary serves no $name"; status=1; }
  done < <(grep -rhoE ' path: /[a-z]+' "$templates" | sed 's/.*: //' | sort -u)
  timeout=$(sed -n 's/.*TRANSACTION_TIMEOUT_MS: u32 = \([0-9_]*\);.*/\1/p' crates/engine/src/shell/kafka/settings.rs)
  timeout=$((${timeout//_/} / 1000))
  grep -q "terminationGracePeriodSeconds) $timeout -" "$templates/_validate.tpl" ||
    { say "templates/_validate.tpl: the engine's transaction timeout is $timeout s"; status=1; }
  grep -q "\"minimum\": $((timeout + 1))," "$root/helm/orderflow/values.schema.json" ||
    { say "values.schema.json: the engine's transaction timeout is $timeout s"; status=1; }
  while read -r processor; do
    grep -q "^  $processor:\$" "$root/compose.yaml" || { say "compose.yaml: processor \"$processor\" is missing"; status=1; }
  done < <(sed -n '/^processors:/,/^topics:/s/^  \([a-z0-9-]*\):$/\1/p' "$root/helm/orderflow/generated/contract.yaml")
  kafka=$(sed -n 's:.*<server\.version>\(.*\)</server\.version>.*:\1:p' tests/servers/kafka/pom.xml)
  registry=$(sed -n 's:.*<server\.version>\(.*\)</server\.version>.*:\1:p' tests/servers/registry/pom.xml)
  grep -q "apache/kafka:$kafka\$" "$root/compose.yaml" ||
    { say "compose.yaml: the tests run on Kafka $kafka"; status=1; }
  grep -q "apicurio/apicurio-registry:$registry\$" "$root/compose.yaml" ||
    { say "compose.yaml: the tests run on Apicurio $registry"; status=1; }
  grep -q "^version: $(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)\$" "$root/helm/orderflow/Chart.yaml" ||
    { say "Chart.yaml: the version is not that of Cargo.toml"; status=1; }
  return "$status"
}

dockerfile() { hadolint --failure-threshold info "$root/Dockerfile"; }

all=(lint snapshots manifests custom_resources units schema agreement dockerfile)

check() {
  local tool began
  for tool in "${all[@]}"; do
    began=$SECONDS
    "$tool" || { say "error: $tool found something"; exit 1; }
    say "$tool: fine after $((SECONDS - began)) s"
  done
}

update() {
  rm -rf "$here/snapshots"
  render "${versions[-1]}" "$here/snapshots"
}

# plant TOOL FILE SED PATTERN: with this change in that file the tool fails, and says something like that.
plant() {
  local tool=$1 file=$2 edit=$3 pattern=$4 said
  root=$HELM_HOME/planted
  rm -rf "$root" "$rendered"
  mkdir -p "$root"
  cp -r helm Dockerfile compose.yaml "$root"
  sed -i "$edit" "$root/$file"
  if cmp -s "$file" "$root/$file"; then say "error: nothing was planted in $file by $edit"; exit 1; fi
  case $tool in manifests | custom_resources) for version in "${versions[@]}"; do render "$version" "$rendered/$version"; done ;; esac
  if said=$("$tool" 2>&1); then say "error: $tool did not find what was planted in $file: $edit"; exit 1; fi
  if ! grep -q -- "$pattern" <<<"$said"; then
    say "$said"
    say "error: $tool failed for another reason than $edit in $file"
    exit 1
  fi
  say "$tool finds $edit in $file"
}

# shellcheck disable=SC2016 # dollars of templates
planted() {
  local chart=helm/orderflow
  plant lint $chart/templates/service.yaml 's/{{- end }}/{{- end/' 'service.yaml'
  plant lint $chart/Chart.yaml '/^version:/d' 'version'
  plant lint $chart/values.yaml 's/^  groupProtocol: .*/  groupProtocol: share/' 'groupProtocol'
  plant snapshots $chart/templates/statefulset.yaml 's/Parallel/OrderedReady/' '^+ .*OrderedReady'
  plant snapshots $chart/generated/contract.yaml 's/partitions: 12/partitions: 6/' '^+.* 6'
  plant manifests $chart/templates/service.yaml 's/clusterIP: None/clusterIp: None/' 'clusterIp'
  plant manifests $chart/templates/statefulset.yaml 's/replicas: {{ int/replicas: a{{ int/' 'replicas'
  plant manifests $chart/templates/networkpolicy.yaml 's:networking.k8s.io/v1:networking.k8s.io/v1beta1:' 'could not find schema'
  plant custom_resources $chart/templates/podmonitor.yaml 's/interval: .*/interval: 30x/' 'must match pattern'
  plant custom_resources $chart/templates/podmonitor.yaml 's/podMetricsEndpoints:/podMetricEndpoints:/' 'podMetric'
  plant custom_resources $chart/templates/scaledobject.yaml 's/maxReplicaCount:/maxReplicas:/' 'maxReplicas'
  plant custom_resources $chart/templates/prometheusrule.yaml 's/for: 10m/for: soon/' 'must match pattern'
  plant custom_resources $chart/templates/kafkatopics.yaml 's/replicas: {{ int/replicas: a{{ int/' 'must be integer'
  plant units $chart/templates/_pod.tpl 's/readOnlyRootFilesystem: true/readOnlyRootFilesystem: false/' 'readOnlyRootFilesystem'
  plant units $chart/templates/_validate.tpl 's/gt (int $it.replicas) $it.partitions/false/' 'refuses more instances than partitions'
  plant schema $chart/values.schema.json '0,/"additionalProperties": false,/s//"additionalProperties_": false,/' 'additionalProperties is missing'
  plant agreement $chart/templates/_validate.tpl 's/terminationGracePeriodSeconds) 10 /terminationGracePeriodSeconds) 5 /' 'transaction timeout'
  plant agreement $chart/templates/statefulset.yaml 's/ORDERFLOW_DATA/ORDERFLOW_FOLDER/' 'no flag of the binary reads ORDERFLOW_FOLDER'
  plant agreement $chart/templates/prometheusrule.yaml 's/orderflow_aborts_total/orderflow_lag/' 'has no orderflow_lag'
  plant agreement $chart/templates/statefulset.yaml 's:/readyz:/healthz:' 'serves no /healthz'
  plant agreement compose.yaml 's/^  item-lookup:/  item-lookups:/' 'item-lookup'
  plant dockerfile Dockerfile 's/^FROM rust:[^ ]*/FROM rust:latest/' 'DL3007'
}

case ${1:-} in
check | update | planted) "$@" ;;
*)
  say "usage: chart.sh check | update | planted"
  exit 2
  ;;
esac
