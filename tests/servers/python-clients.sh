#!/usr/bin/env bash
# Kafka and Avro clients of other people, in Python: what docs/examples/clients/python runs with, for tests.
#
#   python-clients.sh check          is everything there that the other verbs need? exit 3 and what is missing if not
#   python-clients.sh there          have they been fetched? exit 1 if not
#   python-clients.sh fetch          the packages into the cache; quick when they are there
#   python-clients.sh run FILE ...   a Python program that imports them
set -euo pipefail
# shellcheck source=tests/servers/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The list is the example's own: what is tested is what its readers install.
requirements=$root/docs/examples/clients/python/requirements.txt
version=$(sed -n 's/^confluent-kafka==//p' "$requirements")
# Both packages are compiled for one version of Python.
python=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || python=
home=$cache/python-clients-$version-python$python

there() { [[ -n $python ]] && cmp -s "$requirements" "$home/requirements.txt" || return 1; }

check() {
  case $python in
  3.9 | 3.[1-9][0-9]) ;;
  *) lack "python3 (3.9 or newer), to run a client in Python" ;;
  esac
  there || python3 -m pip --version >/dev/null 2>&1 || lack "pip for python3, to fetch confluent-kafka $version and fastavro"
  lack_nothing
}

fetch() {
  check
  if there; then return; fi
  say "fetching confluent-kafka $version and fastavro into $home"
  mkdir -p "$cache"
  temp=$(mktemp -d "$cache/.fetch-XXXXXX")
  trap 'rm -rf "$temp"' EXIT
  # A folder and not a venv: it can be renamed when it is whole. Nothing is built here, so nothing that is fetched runs.
  python3 -m pip install --quiet --disable-pip-version-check --only-binary :all: --root-user-action ignore \
    --target "$temp/new" --requirement "$requirements" >&2 || die "pip could not fetch what $requirements lists"
  cp "$requirements" "$temp/new/"
  if ! there; then
    if [[ -e $home ]]; then mv "$home" "$temp/old"; fi
    mv "$temp/new" "$home"
  fi
  rm -rf "$temp" "$home/new" # the latter: two were here at once, and the second moved its copy into the first's
}

# No bytecode beside a program: it may lie in the tree.
run() {
  (($# >= 1)) || usage "python-clients.sh run FILE ..."
  fetch
  PYTHONPATH=$home PYTHONDONTWRITEBYTECODE=1 exec python3 "$@"
}

case ${1:-} in
check | there | fetch | run) "$@" ;;
*) usage "python-clients.sh check | there | fetch | run FILE ..." ;;
esac
