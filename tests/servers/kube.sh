#!/usr/bin/env bash
# A real Kubernetes API on this machine with nothing but Go: etcd, kube-apiserver and kube-controller-manager, built from
# source. It has no nodes: nodes/main.go says of each pod what a node would say, and no container is ever started.
#
#   kube.sh check     is everything there that the other verbs need? exit 3 and what is missing if not
#   kube.sh there     has it been built? exit 1 if not
#   kube.sh fetch     builds it into the cache; quick when it is there
#   kube.sh run DIR   in the foreground, data and logs in DIR, on free ports of 127.0.0.1 only; DIR/kubeconfig appears when
#                     it answers. Whatever ends this script ends its servers
#   kube.sh path      the folder of bin/, which has kubectl, for scripts
set -euo pipefail
# shellcheck source=tests/servers/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

own=$servers/kube
version=$(sed -n 's:^\tk8s.io/kubernetes v\([^ ]*\).*:\1:p' "$own/go.mod")
home=$cache/kube-$version
# Everything that decides what is in the cache: a change of one builds anew.
inputs=(go.mod go.sum nodes/main.go)
# What concerns the chart. Controllers of nodes and volumes would wait for what there is not.
controllers=(
  statefulset-controller job-controller cronjob-controller disruption-controller garbage-collector-controller
  namespace-controller serviceaccount-controller persistentvolumeclaim-protection-controller ttl-after-finished-controller
)

there() {
  local file
  for file in "${inputs[@]}"; do cmp -s "$own/$file" "$home/$file" || return 1; done
  cmp -s "${BASH_SOURCE[0]}" "$home/kube.sh"
}

check() {
  command -v setpriv >/dev/null || lack "setpriv (util-linux), so that no server outlives the script"
  command -v openssl >/dev/null || lack "openssl, for the key of the cluster's accounts"
  there || command -v go >/dev/null || lack "go (1.26 or newer), to build Kubernetes $version"
  lack_nothing
}

fetch() {
  check
  if there; then return; fi
  say "building Kubernetes $version into $home (a quarter of an hour and more, once)"
  mkdir -p "$cache"
  temp=$(mktemp -d "$cache/.fetch-XXXXXX")
  trap 'rm -rf "$temp"' EXIT
  mkdir -p "$temp/new/crds" "$temp/new/nodes"
  local file
  for file in "${inputs[@]}"; do cp "$own/$file" "$temp/new/$file"; done
  cp "${BASH_SOURCE[0]}" "$temp/new"
  build "$temp/new"
  definitions github.com/kedacore/keda/v2@v2.20.2 h1:SR60v8uIcelbveS8n/1jcl8tLdBBIbHMxmdOHw8tKqA= \
    config/crd/bases/keda.sh_{scaledobjects,triggerauthentications}.yaml
  definitions github.com/prometheus-operator/prometheus-operator@v0.85.0 h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s= \
    example/prometheus-operator-crd/monitoring.coreos.com_{podmonitors,prometheusrules}.yaml
  if ! there; then
    if [[ -e $home ]]; then mv "$home" "$temp/old"; fi
    mv "$temp/new" "$home"
  fi
  rm -rf "$temp" "$home/new" # the latter: two were here at once, and the second moved its copy into the first's
}

# build FOLDER. One package at a time, and only when nobody else wants the processor: it takes long anyway.
build() {
  local minor=${version#1.} package flags="-s -w"
  minor=${minor%%.*}
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $package.gitVersion=v$version -X $package.gitMajor=1 -X $package.gitMinor=$minor -X $package.gitTreeState=clean"
  done
  (cd "$1" && GOBIN=$1/bin GOFLAGS=-mod=readonly nice -n 19 go install -p 1 -ldflags "$flags" tool ./nodes >"$temp/go.log" 2>&1) ||
    { tail -n 20 "$temp/go.log" >&2; die "go could not build what $own/go.mod lists"; }
  mv "$1/bin/server" "$1/bin/etcd"
}

# definitions MODULE@VERSION SUM FILE...: definitions of custom resources, from the module of the operator that has them.
definitions() {
  local told dir sum
  told=$(cd "$temp" && GOFLAGS=-mod=mod go mod download -json "$1") || die "go could not download $1: $told"
  dir=$(sed -n 's/^\t"Dir": "\(.*\)",$/\1/p' <<<"$told")
  sum=$(sed -n 's/^\t"Sum": "\(.*\)",$/\1/p' <<<"$told")
  [[ $sum == "$2" ]] || die "$1 is another one than it was: its sum is $sum, not $2"
  (cd "$dir" && cp --no-preserve=mode "${@:3}" "$temp/new/crds/")
}

# start NAME ARG...: a server in the background, which dies with this script.
start() {
  setpriv --pdeathsig KILL "$home/bin/$1" "${@:2}" >"$dir/$1.log" 2>&1 </dev/null &
  started[$!]=$1
}

# until_there WHAT COMMAND...: waits until the command succeeds, at most two minutes.
until_there() {
  local deadline=$((SECONDS + 120)) pid
  until "${@:2}" >/dev/null 2>&1; do
    for pid in "${!started[@]}"; do kill -0 "$pid" 2>/dev/null || ended "${started[$pid]}"; done
    ((SECONDS < deadline)) || die "$1 did not answer within two minutes; the logs are in $dir"
    sleep 0.2
  done
}

ended() {
  tail -n 5 "$dir/$1.log" >&2
  die "$1 ended; its log is $dir/$1.log"
}

run() {
  (($# == 1)) || usage "kube.sh run DIR"
  fetch
  mkdir -p "$1"
  dir=$(cd "$1" && pwd)
  declare -gA started=()
  trap 'kill -KILL "${!started[@]}" 2>/dev/null || true; wait' EXIT
  trap 'exit 0' TERM INT HUP
  # kubectl's settings and cache are not those of whoever runs this.
  export KUBERC=off KUBECACHEDIR=$dir/kubectl
  local token etcd peers api
  token=$(openssl rand -hex 16)
  openssl genrsa -out "$dir/accounts.key" 2048 2>/dev/null
  (umask 077 && echo "$token,admin,admin,system:masters" >"$dir/tokens.csv")
  etcd=http://127.0.0.1:$(free_port)
  peers=http://127.0.0.1:$(free_port)
  api=$(free_port)
  start etcd --name one --data-dir "$dir/etcd" --unsafe-no-fsync --log-level warn --initial-cluster "one=$peers" \
    --listen-client-urls "$etcd" --advertise-client-urls "$etcd" \
    --listen-peer-urls "$peers" --initial-advertise-peer-urls "$peers"
  # Pod Security admission is on unless one switches it off; namespaces say which level is theirs.
  start kube-apiserver --etcd-servers "$etcd" --bind-address 127.0.0.1 --secure-port "$api" --cert-dir "$dir/certificates" \
    --token-auth-file "$dir/tokens.csv" --anonymous-auth=false --authorization-mode RBAC \
    --service-account-issuer https://127.0.0.1 --service-account-key-file "$dir/accounts.key" \
    --service-account-signing-key-file "$dir/accounts.key" --service-cluster-ip-range 10.0.0.0/16 --endpoint-reconciler-type none
  until_there kube-apiserver test -s "$dir/certificates/apiserver.crt"
  local kubectl=("$home/bin/kubectl" --kubeconfig "$dir/kubeconfig.new")
  (umask 077 && "${kubectl[@]}" config set-credentials admin --token "$token" >/dev/null)
  "${kubectl[@]}" config set-cluster local --server "https://127.0.0.1:$api" \
    --embed-certs --certificate-authority "$dir/certificates/apiserver.crt" >/dev/null
  "${kubectl[@]}" config set-context local --cluster local --user admin >/dev/null
  "${kubectl[@]}" config use-context local >/dev/null
  until_there kube-apiserver "${kubectl[@]}" get --raw /readyz
  start kube-controller-manager --kubeconfig "$dir/kubeconfig.new" --bind-address 127.0.0.1 --secure-port 0 --leader-elect=false \
    --service-account-private-key-file "$dir/accounts.key" --controllers "$(IFS=,; echo "${controllers[*]}")"
  start nodes -kubeconfig "$dir/kubeconfig.new"
  "${kubectl[@]}" apply --server-side -f "$home/crds" -f "$own/kafkatopic.yaml" >"$dir/crds.log"
  "${kubectl[@]}" wait --for condition=Established --timeout 120s crd --all >>"$dir/crds.log"
  until_there kube-controller-manager "${kubectl[@]}" get serviceaccount default
  ln "$dir/kubeconfig.new" "$dir/kubeconfig" # not renamed: one of the servers may not have read it yet
  local pid
  wait -n -p pid || true
  ended "${started[$pid]}"
}

path() {
  fetch
  echo "$home"
}

case ${1:-} in
check | there | fetch | run | path) "$@" ;;
*) usage "kube.sh check | there | fetch | run DIR | path" ;;
esac
