#!/usr/bin/env bash
# The AsyncAPI Initiative's own parser with nothing but Node.js and npm, for tests: a judge that we did not write.
#
#   asyncapi.sh check          is everything there that the other verbs need? exit 3 and what is missing if not
#   asyncapi.sh fetch          the parser into the cache; quick when it is there
#   asyncapi.sh run FILE ...   judges AsyncAPI documents: exit 1 and a line per error, or a line per document
set -euo pipefail
# shellcheck source=tests/servers/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

own=$servers/asyncapi
version=$(sed -n 's:.*"@asyncapi/parser"\: "\([^"]*\)".*:\1:p' "$own/package.json")
home=$cache/asyncapi-parser-$version

# Fetched for exactly these versions, down to the last dependency's dependency.
there() { cmp -s "$own/package-lock.json" "$home/package-lock.json"; }

check() {
  local major
  major=$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\).*/\1/p') || true
  ((${major:-0} >= 18)) || lack "node 18 or newer (Node.js), to judge AsyncAPI documents"
  there || command -v npm >/dev/null || lack "npm, to fetch the AsyncAPI parser $version"
  lack_nothing
}

fetch() {
  check
  if there; then return; fi
  say "fetching the AsyncAPI parser $version into $home"
  mkdir -p "$cache"
  temp=$(mktemp -d "$cache/.fetch-XXXXXX")
  trap 'rm -rf "$temp"' EXIT
  mkdir "$temp/new"
  cp "$own/package.json" "$own/package-lock.json" "$temp/new"
  # Nothing that is fetched runs while it is installed.
  (cd "$temp/new" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2) ||
    die "npm could not fetch what $own/package-lock.json lists"
  if ! there; then
    if [[ -e $home ]]; then mv "$home" "$temp/old"; fi
    mv "$temp/new" "$home"
  fi
  rm -rf "$temp" "$home/new" # the latter: two were here at once, and the second moved its copy into the first's
}

run() {
  (($# >= 1)) || usage "asyncapi.sh run FILE ..."
  fetch
  exec node "$own/validate.js" "$home" "$@"
}

case ${1:-} in
check | fetch | run) "$@" ;;
*) usage "asyncapi.sh check | fetch | run FILE ..." ;;
esac
