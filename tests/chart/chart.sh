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
prometheus=$(tests/servers/prometheus.sh path)
export PATH="$tools/bin:$prometheus:$PATH"
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

# The alerts as they are, and as the chart narrows them to one release.
rules() {
  promtool check rules "$root/helm/orderflow/generated/rules.yaml" || return 1
  helm template orders "$root/helm/orderflow" --namespace orders --kube-version "${versions[-1]#v}" \
    --values "$here/values/production.yaml" --show-only templates/prometheusrule.yaml >"$HELM_HOME/rule.yaml" || return 1
  sed '1,/^spec:$/d; s/^  //' "$HELM_HOME/rule.yaml" >"$HELM_HOME/narrowed.yaml"
  promtool check rules "$HELM_HOME/narrowed.yaml"
}

# Each alert has a case in which it fires and one in which it does not, and does as it says.
alerts() {
  local copy=$HELM_HOME/alerts alert
  rm -rf "$copy"
  cp -r "$here/rules" "$copy"
  cp "$root/helm/orderflow/generated/rules.yaml" "$copy"
  while read -r alert; do
    for kind in fires 'is silent'; do
      grep -q "name: '$alert $kind'\$" "$copy"/*_test.yaml || { say "tests/chart/rules: no case \"$alert $kind\""; return 1; }
    done
  done < <(sed -n 's/^ *- alert: //p' "$copy/rules.yaml" | sort -u)
  promtool test rules "$copy"/*_test.yaml
}

dashboard() {
  node "$here/expressions.mjs" rules "$root/helm/orderflow/generated/dashboard.json" >"$HELM_HOME/panels.yaml" || return 1
  promtool check rules "$HELM_HOME/panels.yaml"
}

# A processor that topics.yaml gets tomorrow needs no work in the chart.
new_processor() {
  local copy=$HELM_HOME/new kind
  rm -rf "$copy"
  cp -r "$root/helm/orderflow" "$copy"
  sed -i 's/^processors:$/&\n  order-audit:\n    about: Counts.\n    partitions: 4\n    inputs: [order-events.v1]/' \
    "$copy/generated/contract.yaml"
  helm template orders "$copy" --kube-version "${versions[-1]#v}" --values "$here/values/minimal.yaml" \
    --set processors.order-audit.replicas=4 >"$HELM_HOME/new.yaml" || return 1
  for kind in StatefulSet Service PodDisruptionBudget CronJob; do
    grep -A4 "^kind: $kind\$" "$HELM_HOME/new.yaml" | grep -q 'name: orders-orderflow-order-audit' ||
      { say "a new processor gets no $kind"; return 1; }
  done
  if helm template orders "$copy" --kube-version "${versions[-1]#v}" --values "$here/values/minimal.yaml" \
    --set processors.order-audit.replicas=5 >/dev/null 2>&1; then say "a new processor gets more instances than partitions"; return 1; fi
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
    grep -q "= \"$name\"" crates/engine/src/shell/metrics.rs || { say "helm: /metrics has no $name"; status=1; }
  done < <(grep -rhoE 'orderflow_[a-z_]+' "$root/helm" | sed 's/_bucket$//' | sort -u)
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
  grep -q "^kubeVersion: \">=${versions[0]#v}-0\"\$" "$root/helm/orderflow/Chart.yaml" ||
    { say "Chart.yaml: the oldest Kubernetes that is looked at is ${versions[0]}"; status=1; }
  return "$status"
}

dockerfile() { hadolint --failure-threshold info "$root/Dockerfile"; }

# The image is built from what .dockerignore lets through, and that is enough: every crate is there, and every file that
# the sources take in.
context() {
  local copy=$HELM_HOME/context status=0 wanted path source target
  rm -rf "$copy"
  mkdir "$copy"
  mapfile -t wanted < <(sed -n 's/^!//p' "$root/.dockerignore")
  for path in "${wanted[@]}"; do [[ -e $path ]] || { say ".dockerignore: there is no $path"; status=1; }; done
  git ls-files -z --cached --others --exclude-standard -- "${wanted[@]}" | xargs -0 cp --parents --target-directory "$copy"
  cargo metadata --quiet --locked --offline --no-deps --format-version 1 --manifest-path "$copy/Cargo.toml" >/dev/null || status=1
  while read -r source target; do
    [[ -e $copy/$(dirname "$source")/$target ]] || { say ".dockerignore: $source includes $target"; status=1; }
  done < <(cd "$copy" && grep -roE 'include_(str|bytes)!\("[^"]*"\)' --include='*.rs' crates processors |
    sed -E 's/^([^:]*):[^"]*"([^"]*)".*/\1 \2/')
  while read -r path; do
    [[ -e $copy/$path ]] || { say ".dockerignore: Dockerfile copies $path"; status=1; }
  done < <(sed -n 's/^COPY \([^-].*\) .*/\1/p' "$root/Dockerfile" | tr ' ' '\n')
  return "$status"
}

all=(lint snapshots manifests custom_resources units new_processor schema rules alerts dashboard agreement dockerfile context)

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
  cp -r helm Dockerfile .dockerignore compose.yaml "$root"
  sed -i "$edit" "$root/$file"
  if cmp -s "$file" "$root/$file"; then say "error: nothing was planted in $file by $edit"; exit 1; fi
  case $tool in
  manifests | custom_resources)
    # Every version renders the same (snapshots says so); once is enough.
    render "${versions[-1]}" "$rendered/${versions[-1]}"
    for version in "${versions[@]::${#versions[@]}-1}"; do cp -r "$rendered/${versions[-1]}" "$rendered/$version"; done
    ;;
  esac
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
  plant custom_resources $chart/generated/rules.yaml 's/for: 10m/for: soon/' 'must match pattern'
  plant custom_resources $chart/templates/kafkatopics.yaml 's/replicas: {{ int/replicas: a{{ int/' 'must be integer'
  plant units $chart/templates/_pod.tpl 's/readOnlyRootFilesystem: true/readOnlyRootFilesystem: false/' 'readOnlyRootFilesystem'
  plant units $chart/templates/_validate.tpl 's/gt (int $it.replicas) $it.partitions/false/' 'refuses more instances than partitions'
  plant units $chart/templates/prometheusrule.yaml 's/gt (int $it.instances) 0/true/' 'misses no processor'
  plant new_processor $chart/templates/poddisruptionbudget.yaml 's/range $name, $it := $processors/range $name, $it := omit $processors "order-audit"/' 'gets no PodDisruptionBudget'
  plant schema $chart/values.schema.json '0,/"additionalProperties": false,/s//"additionalProperties_": false,/' 'additionalProperties is missing'
  plant agreement $chart/templates/_validate.tpl 's/terminationGracePeriodSeconds) 10 /terminationGracePeriodSeconds) 5 /' 'transaction timeout'
  plant agreement $chart/templates/statefulset.yaml 's/ORDERFLOW_DATA/ORDERFLOW_FOLDER/' 'no flag of the binary reads ORDERFLOW_FOLDER'
  plant agreement $chart/generated/rules.yaml 's/_aborts_total/_lag/' 'has no .*_lag$'
  plant agreement $chart/templates/statefulset.yaml 's:/readyz:/healthz:' 'serves no /healthz'
  plant agreement $chart/Chart.yaml 's/>=1.32.0-0/>=1.28.0-0/' 'the oldest Kubernetes'
  plant agreement compose.yaml 's/^  item-lookup:/  item-lookups:/' 'item-lookup'
  plant rules $chart/generated/rules.yaml 's/increase(/increases(/' 'unknown function'
  plant rules $chart/generated/rules.yaml 's/severity: warning/severity: {}/' 'unmarshal'
  plant rules $chart/templates/prometheusrule.yaml 's/"{processor" $scope/"{processor" "{"/' 'could not parse expression'
  plant alerts $chart/generated/rules.yaml 's/> 90000/> 900000/' 'OrderflowOrderTooOld fires'
  plant alerts $chart/generated/rules.yaml 's/alert: OrderflowFenced/alert: OrderflowFence/' 'no case "OrderflowFence fires"'
  plant dashboard $chart/generated/dashboard.json 's/sum by (topic) (/sum by topic (/' 'could not parse expression'
  plant dashboard $chart/generated/dashboard.json 's/[$]__range/$__ranges/' 'could not parse expression'
  plant dockerfile Dockerfile 's/^FROM rust:[^ ]*/FROM rust:latest/' 'DL3007'
  plant context .dockerignore '/^!schemas/d' 'includes .*schemas/'
  plant context .dockerignore '/^!bench/d' 'bench'
  plant context Dockerfile 's/^COPY topics.yaml /COPY topics.yml /' 'copies topics.yml'
}

case ${1:-} in
check | update | planted) "$@" ;;
*)
  say "usage: chart.sh check | update | planted"
  exit 2
  ;;
esac
