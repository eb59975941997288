#!/usr/bin/env bash
# The chart on a real Kubernetes API (tests/servers/kube.sh): admission, validation, controllers and garbage collection are
# Kubernetes' own, nodes and containers are played. Every namespace is of the level "restricted", and helm must never warn.
#
#   server.sh check [SCENARIO...]   the scenarios, all or those named; exit 1 when one fails
#   server.sh planted               plants a mistake in a copy of the chart for what only a server finds, and fails when a
#                                   scenario does not find it
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

here=$PWD/tests/chart
chart=$PWD/helm/orderflow
kube=$(tests/servers/kube.sh path)
tools=$(tests/servers/helm.sh path)
export PATH="$kube/bin:$tools/bin:$PATH"
temp=$(mktemp -d)
trap down EXIT
# Neither helm nor kubectl looks for settings and caches on this machine.
export HELM_CONFIG_HOME=$temp/config HELM_CACHE_HOME=$temp/cache HELM_DATA_HOME=$temp/data
export KUBECONFIG=$temp/cluster/kubeconfig KUBECACHEDIR=$temp/kubectl KUBERC=off
# How long a release may take to become ready: seconds, but on a busy machine more.
patience=300s
processors='app.kubernetes.io/component in (order-intake,item-lookup,fulfilment)'
server=
attempts=0
namespaces=0

up() {
  setpriv --pdeathsig TERM tests/servers/kube.sh run "$temp/cluster" >"$temp/cluster.log" 2>&1 </dev/null &
  server=$!
  local deadline=$((SECONDS + 300))
  until [[ -s $KUBECONFIG ]]; do
    if ! kill -0 "$server" 2>/dev/null || ((SECONDS >= deadline)); then
      cat "$temp/cluster.log" >&2
      echo "error: the cluster did not start" >&2
      exit 1
    fi
    sleep 0.2
  done
  kinds=$(kubectl api-resources --namespaced --verbs list --output name | grep -vE '^(events|endpoints)(\.|$)' | paste -sd,)
  # What values/ name and no chart brings along.
  kubectl create namespace kafka >/dev/null
  kubectl create priorityclass orders --value 1000 >/dev/null
}

down() {
  if [[ -n $server ]]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$temp"
}

# Ends the scenario, which is a process of its own.
fail() {
  echo "$*" >&2
  exit 1
}

k() { kubectl --namespace "$ns" "$@"; }

# fresh: a namespace of its own for what follows.
fresh() {
  namespaces=$((namespaces + 1))
  ns=orders-$attempts-$namespaces
  kubectl create namespace "$ns" >/dev/null
  kubectl label namespace "$ns" pod-security.kubernetes.io/{enforce,warn}=restricted >/dev/null
  eventually "an account in namespace $ns" k get serviceaccount default
}

# eventually WHAT COMMAND...: the command succeeds within a minute.
eventually() {
  local deadline=$((SECONDS + 60))
  until "${@:2}" >/dev/null 2>&1; do
    ((SECONDS < deadline)) || fail "not within a minute: $1"
    sleep 0.2
  done
}

call_helm() {
  local verb=$1 waits=()
  shift
  case $verb in install | upgrade | rollback | uninstall | test) waits=(--timeout "$patience") ;; esac
  helm "$verb" --namespace "$ns" "${waits[@]}" "$@" >"$temp/said" 2>&1
}

# What the API server warns of, helm prints as a line of its log.
warns() { grep -E '^W[0-9]{4} |[Ww]arning: |level=WARN' "$temp/said"; }

# does VERB ARG...: helm does it, and warns of nothing. When not, the cluster's own warnings may say why.
does() {
  local wrong=
  call_helm "$@" || wrong="helm $1 failed"
  if warns >/dev/null; then wrong="${wrong:+$wrong, and }helm $1 warns"; fi
  [[ -n $wrong ]] || return 0
  cat "$temp/said" >&2
  k get events --field-selector type=Warning --output custom-columns=OF:.involvedObject.name,SAYS:.message --no-headers >&2
  fail "$wrong"
}

# refuses PATTERN VERB ARG...: helm does not do it, and says why.
refuses() {
  local patience=60s # what never becomes ready takes so long
  if call_helm "${@:2}"; then fail "helm $2 did what has to fail with: $1"; fi
  grep -qE -- "$1" "$temp/said" || { cat "$temp/said" >&2; fail "helm $2 failed for another reason than: $1"; }
}

# installs VALUES ARG..., upgrades VALUES ARG...: of the release "orders", until it is ready.
installs() { does install orders "$chart" --values "$here/values/$1.yaml" --wait "${@:2}"; settled; }
upgrades() { does upgrade orders "$chart" --values "$here/values/$1.yaml" --wait "${@:2}"; settled; }

# Every StatefulSet has the pods that it is to have, of its newest revision and ready.
settled() {
  local name
  for name in $(k get statefulsets --output name); do
    k rollout status "$name" --timeout 60s >/dev/null || fail "$name did not come to rest"
  done
}

# All that is known of what runs, down to its version: when it is the same, nobody has touched it.
running() { k get statefulsets,pods,controllerrevisions --selector "$processors" --output yaml --show-managed-fields; }
untouched() { diff <(echo "$1") <(running) >&2 || fail "what runs was touched"; }

images() { k get pods --selector "$processors" --output jsonpath='{.items[*].spec.containers[*].image}' | tr ' ' '\n' | sort -u; }
templates() { k get statefulsets --output jsonpath='{range .items[*]}{.metadata.name}{.spec.template}{"\n"}{end}'; }
names() { k get "$@" --output name | sort; }
pod_ids() { k get pods --selector "$processors" --output jsonpath='{.items[*].metadata.uid}' | tr ' ' '\n' | sort; }

# Everything in the namespace but what every namespace has.
left() { names "$kinds" 2>/dev/null | grep -vx serviceaccount/default || true; }
is_left() { [[ $(left) == "$1" ]]; }

# uninstalls [NAME...]: and in the namespace nothing is left but these.
uninstalls() {
  does uninstall orders --wait
  local expected
  expected=$(printf '%s\n' "$@")
  (eventually "" is_left "$expected") 2>/dev/null || { diff <(echo "$expected") <(left) >&2; fail "uninstalled, and something else is left"; }
}

# Scenarios. Each prints what it has seen.

# from the installation to the end, with each file of values/.
values_are_lived_with() {
  local claims
  fresh
  installs "$1"
  does test orders
  local before
  before=$(running)
  upgrades "$1"
  untouched "$before"
  eventually "every budget lets a pod be evicted" budgets_allow
  mapfile -t claims < <(names persistentvolumeclaims)
  uninstalls "${claims[@]}"
  echo "installs, is tested, upgrades to the same, uninstalls; ${#claims[@]} claims stay"
}
budgets_allow() { [[ ! $(k get poddisruptionbudgets --output jsonpath='{.items[*].status.disruptionsAllowed}') =~ (^| )0( |$) ]]; }

minimal() { values_are_lived_with minimal; }
bare() { values_are_lived_with bare; }
production() { values_are_lived_with production; }

strimzi() {
  local wanted there
  values_are_lived_with strimzi
  wanted=$(sed -n '/^topics:/,$p' "$chart/generated/contract.yaml" | grep -c '^  [^ ]')
  there=$(kubectl get kafkatopics --namespace kafka --output name | wc -l)
  ((there == wanted)) || fail "$there of $wanted KafkaTopics are left: their topics are deleted with them"
  echo "and $there KafkaTopics stay"
}

autoscaled() {
  values_are_lived_with autoscaled
  fresh
  installs autoscaled
  k scale statefulset orders-orderflow-item-lookup --replicas 3 >/dev/null
  settled
  upgrades autoscaled --set log.filter=debug
  [[ $(k get statefulset orders-orderflow-item-lookup --output jsonpath='{.spec.replicas}') == 3 ]] ||
    fail "an upgrade sets back the replicas that an autoscaler raised"
  echo "and replicas that an autoscaler raised are still there after an upgrade"
}

rolls() {
  local pods claims before
  fresh
  installs minimal --set image.tag=one,defaults.replicas=2
  before=$(templates) pods=$(pod_ids)
  claims=$(k get persistentvolumeclaims --output jsonpath='{.items[*].metadata.uid}')
  upgrades minimal --set image.tag=two,defaults.replicas=2
  [[ $(images) == orderflow:two ]] || fail "after the upgrade runs: $(images)"
  [[ -z $(comm -12 <(echo "$pods") <(pod_ids)) ]] || fail "a pod outlived the upgrade"
  does rollback orders --wait
  settled
  [[ $(images) == orderflow:one ]] || fail "after the rollback runs: $(images)"
  diff <(echo "$before") <(templates) >&2 || fail "the rollback brought something else back"
  [[ $claims == $(k get persistentvolumeclaims --output jsonpath='{.items[*].metadata.uid}') ]] || fail "other claims than before"
  echo "an upgrade renews every pod, a rollback brings the templates back; the claims are the same all the while"
}

# The hook uses the same image; without it the StatefulSets get to see it.
bad_image() {
  local values=(--values "$here/values/minimal.yaml" --set "hook.enabled=false,defaults.replicas=2") before
  fresh
  installs minimal "${values[@]}" --set image.tag=one
  before=$(templates)
  does upgrade orders "$chart" "${values[@]}" --set image.tag=bad
  eventually "a pod cannot pull its image" cannot_pull
  [[ $(k get pods --selector "$processors" --output jsonpath='{.items[?(@.status.phase=="Running")].metadata.name}' | wc -w) == 3 ]] ||
    fail "more than one pod of a processor went before its successor was ready"
  does rollback orders --wait
  settled
  diff <(echo "$before") <(templates) >&2 || fail "the rollback brought something else back"
  refuses 'has been rolled back due to atomic being set' upgrade orders "$chart" "${values[@]}" --set image.tag=bad --atomic
  settled
  [[ $(images) == orderflow:one ]] || fail "after the automatic rollback runs: $(images)"
  diff <(echo "$before") <(templates) >&2 || fail "the automatic rollback brought something else back"
  echo "takes one pod of each processor; a rollback by hand and one by --atomic bring the image back"
}
cannot_pull() {
  [[ $(k get pods --output jsonpath='{.items[*].status.containerStatuses[*].state.waiting.reason}' | wc -w) == 3 ]]
}

refused_hook() {
  local before job=orders-orderflow-contract
  fresh
  installs minimal --set image.tag=one
  before=$(running)
  refuses "job $job failed: PodFailurePolicy" upgrade orders "$chart" --values "$here/values/minimal.yaml" --wait \
    --set image.tag=two,kafka.bootstrap=refused:9092,hook.backoffLimit=1
  untouched "$before"
  [[ $(k get pods --selector "job-name=$job" --output jsonpath='{.items[*].status..exitCode}') == 1 ]] ||
    fail "what is refused was tried again"
  [[ $(helm history orders --namespace "$ns" --output json) == *'"revision":1,'*'"status":"deployed"'*'"revision":2,'*'"status":"failed"'* ]] ||
    fail "the release that runs is not the one that is deployed"
  upgrades minimal --set image.tag=two
  [[ $(images) == orderflow:two ]] || fail "after the next upgrade runs: $(images)"
  k get job "$job" >/dev/null 2>&1 && fail "the Job that failed is still there after one that succeeded"
  echo "is tried once, its reason said, and what runs is untouched to the byte; the next upgrade goes on"
}

refused_installation() {
  fresh
  refuses 'job orders-orderflow-contract failed: PodFailurePolicy' install orders "$chart" \
    --values "$here/values/minimal.yaml" --set kafka.bootstrap=refused:9092 --wait
  [[ -z $(names statefulsets) ]] || fail "there are StatefulSets although the hook failed"
  uninstalls job.batch/orders-orderflow-contract "$(names pods)"
  echo "starts nothing; only the Job that says why stays"
}

# The Job's own deadline is below helm's, so that helm can say what it was.
hook_that_never_starts() {
  local before
  fresh
  installs minimal --set image.tag=one
  before=$(running)
  refuses 'job orders-orderflow-contract failed: DeadlineExceeded' upgrade orders "$chart" --values "$here/values/minimal.yaml" \
    --set image.tag=bad,hook.activeDeadlineSeconds=10 --wait
  untouched "$before"
  echo "fails by its deadline, its reason said, and what runs is untouched to the byte"
}

away_hook() {
  fresh
  installs minimal --set kafka.bootstrap=away:9092
  [[ $(k get events --field-selector reason=SuccessfulCreate,involvedObject.kind=Job --output name | wc -l) == 2 ]] ||
    fail "what was not reached was not tried exactly once more"
  echo "tries again, and the installation goes on"
}

bigger_disk() {
  local before size=processors.item-lookup.storage.size=20Gi
  fresh
  installs minimal
  before=$(running)
  refuses 'has 10Gi, and Kubernetes lets nobody change it to 20Gi' upgrade orders "$chart" --values "$here/values/minimal.yaml" --set $size
  untouched "$before"
  before=$(pod_ids)
  k delete statefulset orders-orderflow-item-lookup --cascade=orphan >/dev/null
  upgrades minimal --set $size
  [[ $before == $(pod_ids) ]] || fail "a pod was started anew"
  echo "is refused with the way to do it, and that way leaves every pod running"
}

commands() {
  fresh
  installs minimal
  k scale statefulset orders-orderflow-item-lookup --replicas 0 >/dev/null
  settled
  k create job again --from cronjob/orders-orderflow-item-lookup-reset >"$temp/said" 2>&1
  if warns >&2; then fail "kubectl create job warns"; fi
  k wait job again --for condition=Complete --timeout 60s >/dev/null
  # shellcheck disable=SC2016 # the kubelet puts the processor in
  [[ $(k get pods --selector job-name=again --output jsonpath='{.items[*].spec.containers[*].args}') == '["reset","$(PROCESSOR)","--yes"]' ]] ||
    fail "the Job runs something else"
  echo "a suspended CronJob makes a Job that is let in and ends"
}

claims() {
  local retention=defaults.storage.retention.whenDeleted=Delete,defaults.storage.retention.whenScaled=Delete
  fresh
  installs minimal --set $retention,defaults.replicas=2
  [[ $(names persistentvolumeclaims | wc -l) == 6 ]] || fail "there are other claims than one for each instance"
  upgrades minimal --set $retention,defaults.replicas=1
  eventually "the claims of instances that are gone are deleted" claims_are 3
  uninstalls
  echo "go with the instance and with the release, where the values say so"
}
claims_are() { [[ $(names persistentvolumeclaims | wc -l) == "$1" ]]; }

neighbours() {
  local before
  fresh
  installs minimal
  before=$(running)
  does install others "$chart" --values "$here/values/minimal.yaml" --wait
  eventually "every budget counts the pods of its own release" budgets_count 1 1 1 1 1 1
  does uninstall others --wait
  eventually "the neighbour is gone" gone others
  untouched "$before"
  echo "a second release in the namespace comes and goes, and the first is untouched to the byte"
}
budgets_count() { [[ $(k get poddisruptionbudgets --output jsonpath='{.items[*].status.expectedPods}') == "$*" ]]; }
gone() { [[ -z $(names statefulsets,pods --selector "app.kubernetes.io/instance=$1") ]]; }

all=(
  minimal bare production strimzi autoscaled rolls bad_image refused_hook refused_installation hook_that_never_starts away_hook
  bigger_disk commands claims neighbours
)

# attempt SCENARIO: in a process of its own, its words in $temp/seen and $temp/found.
attempt() {
  attempts=$((attempts + 1))
  set +e
  (set -e; "$1") >"$temp/seen" 2>"$temp/found"
  attempted=$?
  set -e
}

check() {
  local scenarios=("$@") name began failed=0
  ((${#scenarios[@]})) || scenarios=("${all[@]}")
  up
  for name in "${scenarios[@]}"; do
    [[ " ${all[*]} " == *" $name "* ]] || { echo "error: there is no scenario \"$name\": ${all[*]}" >&2; exit 2; }
    began=$SECONDS
    attempt "$name"
    if ((attempted == 0)); then
      echo "ok      $name: $(paste -sd' ' "$temp/seen") ($((SECONDS - began)) s)"
    else
      failed=$((failed + 1))
      echo "FAILED  $name ($((SECONDS - began)) s)"
      sed 's/^/        /' "$temp/found"
    fi
  done
  echo "$((${#scenarios[@]} - failed)) of ${#scenarios[@]} scenarios passed on Kubernetes $(kubectl version --output yaml | sed -n '/^serverVersion/,$s/.*gitVersion: v//p')"
  ((failed == 0))
}

# plant SCENARIO FILE SED PATTERN: with this change in that file of the chart the scenario fails, and says something like that.
plant() {
  local name=$1 file=$2 edit=$3 pattern=$4 what="$3 in $2"
  chart=$temp/planted
  rm -rf "$chart"
  cp -r helm/orderflow "$chart"
  sed -i "$edit" "$chart/$file"
  if cmp -s "helm/orderflow/$file" "$chart/$file"; then echo "error: nothing was planted in $file by $edit" >&2; exit 1; fi
  planted=$((planted + 1))
  attempt "$name"
  if ((attempted == 0)); then
    echo "MISSED  $name does not find $what"
  elif ! grep -qE -- "$pattern" "$temp/found"; then
    echo "MISSED  $name finds something else than $what:"
    sed 's/^/        /' "$temp/found"
  else
    found=$((found + 1))
    echo "found   $name finds $what: $(grep -oE -m 1 -- "$pattern" "$temp/found" | head -n 1)"
  fi
}

# shellcheck disable=SC2016 # dollars of templates
planted() {
  local planted=0 found=0 patience=60s
  up
  # The words of the admission that refuses the pod, not those of its warning about the Job.
  plant minimal templates/_pod.tpl 's/runAsNonRoot: true/runAsNonRoot: false/' 'is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true'
  plant minimal templates/hook.yaml 's/serviceAccountName: .*/serviceAccountName: orders-orderflow/' 'serviceaccount "orders-orderflow" not found'
  plant minimal templates/hook.yaml 's/before-hook-creation,hook-succeeded/before-hook-creation/' '^> .*orders-orderflow-contract'
  plant production templates/podmonitor.yaml 's/interval:/intervall:/' 'unknown field .*intervall'
  plant production templates/poddisruptionbudget.yaml 's/^  minAvailable: .*/&\n  maxUnavailable: 1/' 'minAvailable and maxUnavailable cannot be both set'
  plant strimzi templates/kafkatopics.yaml '/resource-policy: keep/d' '^0 of [0-9]* KafkaTopics are left'
  plant autoscaled templates/statefulset.yaml 's/if not $it.autoscaling.enabled/if true/' 'sets back the replicas'
  plant rolls templates/statefulset.yaml 's/^        name: data$/&\n        labels: { revision: "{{ $.Release.Revision }}" }/' 'field is immutable'
  plant bad_image templates/statefulset.yaml 's/Parallel/OrderedReady/' 'helm rollback failed'
  plant refused_hook templates/hook.yaml 's/pre-install,pre-upgrade/pre-install,post-upgrade/' 'what runs was touched'
  plant refused_hook templates/hook.yaml 's/values: .1, 2./values: [2]/' 'BackoffLimitExceeded'
  plant away_hook templates/hook.yaml 's/values: .1, 2./values: [1, 2, 3]/' 'PodFailurePolicy'
  plant bigger_disk templates/_validate.tpl 's/ne $size (toString $it.storage.size)/false/' 'field is immutable'
  plant claims templates/statefulset.yaml '/whenDeleted:/d' '^> persistentvolumeclaim/'
  plant neighbours templates/_names.tpl 's/^app.kubernetes.io.instance: .*/app.kubernetes.io\/instance: orders/' 'not within a minute: every budget'
  echo "$found of $planted planted mistakes were found"
  ((found == planted))
}

case ${1:-} in
check | planted) "$@" ;;
*)
  echo "usage: server.sh check [SCENARIO...] | planted" >&2
  exit 2
  ;;
esac
