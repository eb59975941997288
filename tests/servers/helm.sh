#!/usr/bin/env bash
# What checks the chart and the image without a cluster, by nothing but Go, npm and pip: helm, helm-unittest, kubeconform,
# the schemas of three versions of Kubernetes, types of the custom resources, hadolint.
#
#   helm.sh check          is everything there that the other verbs need? exit 3 and what is missing if not
#   helm.sh there          has it been fetched? exit 1 if not
#   helm.sh fetch          the tools into the cache; quick when they are there
#   helm.sh run TOOL ...   a tool: helm, helm-unittest, kubeconform, hadolint
#   helm.sh path           the folder of the tools, for scripts: bin/, schemas/, node_modules/
set -euo pipefail
# shellcheck source=tests/servers/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

own=$servers/helm
module() { sed -n "s:.*$1 v\([^ ]*\).*:\1:p" "$own/go.mod" | head -n 1; }
version=$(module helm.sh/helm/v3)
home=$cache/helm-$version
# The oldest that the chart allows (Chart.yaml), one between, the newest that there are schemas of.
kubernetes=(1.32.0 1.35.0 1.37.0)
# Everything that decides what is in the cache: a change of one fetches anew.
inputs=(go.mod go.sum package-lock.json requirements.txt)

there() {
  local file
  for file in "${inputs[@]}"; do cmp -s "$own/$file" "$home/$file" || return 1; done
  cmp -s "${BASH_SOURCE[0]}" "$home/helm.sh"
}

check() {
  local major
  major=$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\).*/\1/p') || true
  ((${major:-0} >= 18)) || lack "node 18 or newer (Node.js), to check custom resources"
  if ! there; then
    command -v go >/dev/null || lack "go (1.26 or newer), to build helm $version"
    command -v npm >/dev/null || lack "npm, to fetch the types of custom resources"
    python3 -m pip --version >/dev/null 2>&1 || lack "python3 with pip, to fetch the schemas of Kubernetes and hadolint"
  fi
  lack_nothing
}

fetch() {
  check
  if there; then return; fi
  say "fetching helm $version and what goes with it into $home (minutes: helm is built from source)"
  mkdir -p "$cache"
  temp=$(mktemp -d "$cache/.fetch-XXXXXX")
  trap 'rm -rf "$temp"' EXIT
  mkdir "$temp/new"
  cp "${BASH_SOURCE[0]}" "${inputs[@]/#/$own/}" "$own/package.json" "$temp/new"
  build "$temp/new"
  # Nothing that is fetched runs while it is installed.
  (cd "$temp/new" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2) ||
    die "npm could not fetch what $own/package-lock.json lists"
  python3 -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --root-user-action ignore --target "$temp/python" --requirement "$own/requirements.txt" >&2 ||
    die "pip could not fetch what $own/requirements.txt lists"
  cp "$temp/python/bin/hadolint" "$temp/new/bin/"
  local release
  for release in "${kubernetes[@]}"; do schemas "$release"; done
  if ! there; then
    if [[ -e $home ]]; then mv "$home" "$temp/old"; fi
    mv "$temp/new" "$home"
  fi
  rm -rf "$temp" "$home/new" # the latter: two were here at once, and the second moved its copy into the first's
}

# Helm built without these flags takes itself for no release, and every cluster for Kubernetes 1.20.
build() {
  local newest=${kubernetes[-1]} minor
  minor=${newest#1.} minor=${minor%%.*}
  local flags="-s -w -X helm.sh/helm/v3/internal/version.version=v$version"
  flags+=" -X helm.sh/helm/v3/internal/version.gitCommit= -X helm.sh/helm/v3/internal/version.gitTreeState=clean"
  local package
  for package in pkg/lint/rules pkg/chartutil; do
    flags+=" -X helm.sh/helm/v3/$package.k8sVersionMajor=1 -X helm.sh/helm/v3/$package.k8sVersionMinor=$minor"
  done
  # It names each of a hundred modules that it fetches; of interest only when it fails.
  (cd "$1" && GOBIN=$1/bin GOFLAGS=-mod=readonly go install -ldflags "$flags" tool >"$temp/go.log" 2>&1) ||
    { tail -n 20 "$temp/go.log" >&2; die "go could not build what $own/go.mod lists"; }
}

# The package refers to /api/_definitions.json and names each schema by a URL: kubeconform takes relative references and
# no such names.
schemas() {
  local from=$temp/python/kubernetes_validate/kubernetes-json-schema/v$1-local-strict
  [[ -d $from ]] || die "kubernetes-validate has no schemas of Kubernetes $1"
  python3 - "$from" "$temp/new/schemas/v$1" <<'END' || die "the schemas of Kubernetes $1 could not be made usable offline"
import json, pathlib, sys
source, target = map(pathlib.Path, sys.argv[1:])
target.mkdir(parents=True)
for path in source.glob("*.json"):
    schema = json.loads(path.read_text().replace('"/api/_definitions.json#', '"_definitions.json#'))
    for name in ("$id", "$schema"):
        schema.pop(name, None)
    (target / path.name).write_text(json.dumps(schema))
END
}

run() {
  (($# >= 1)) || usage "helm.sh run TOOL ..."
  fetch
  [[ -x $home/bin/$1 ]] || die "there is no tool \"$1\"; bin/ of $home lists them"
  exec "$home/bin/$1" "${@:2}"
}

path() {
  fetch
  echo "$home"
}

case ${1:-} in
check | there | fetch | run | path) "$@" ;;
*) usage "helm.sh check | there | fetch | run TOOL ... | path" ;;
esac
