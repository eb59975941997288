#!/usr/bin/env bash
# Prometheus and promtool: those of PATH, else Debian's package, unpacked into the cache and never installed.
#
#   prometheus.sh check          is there what the other verbs need? exit 3 and what is missing if not
#   prometheus.sh there          has it been fetched? exit 1 if not
#   prometheus.sh fetch          into the cache; quick when it is there
#   prometheus.sh path           the folder of both programs, for scripts
set -euo pipefail
# shellcheck source=tests/servers/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

home=$cache/prometheus-debian

there() { [[ -x $home/promtool && -x $home/prometheus ]]; }

check() {
  if ! there && ! command -v promtool >/dev/null; then
    command -v apt-get >/dev/null || lack "promtool and prometheus (2.40 or newer), or apt-get, to fetch Debian's package"
    command -v dpkg-deb >/dev/null || lack "dpkg-deb, to unpack Debian's package of Prometheus"
  fi
  lack_nothing
}

fetch() {
  check
  if there; then return; fi
  mkdir -p "$cache"
  temp=$(mktemp -d "$cache/.fetch-XXXXXX")
  trap 'rm -rf "$temp"' EXIT
  mkdir "$temp/new"
  if command -v promtool >/dev/null && command -v prometheus >/dev/null; then
    ln -s "$(command -v promtool)" "$(command -v prometheus)" "$temp/new"
  else
    say "fetching Debian's prometheus into $home"
    download || die "apt-get could not download the package prometheus"
    dpkg-deb --extract "$temp"/prometheus_*.deb "$temp/whole"
    mv "$temp/whole/usr/bin/prometheus" "$temp/whole/usr/bin/promtool" "$temp/new"
  fi
  if ! there; then mv "$temp/new" "$home"; fi
  rm -rf "$temp" "$home/new" # the latter: two were here at once, and the second moved its copy into the first's
}

# With this machine's lists of packages, else with fresh ones of our own: that needs no rights.
download() {
  local own=(-o "Dir::State=$temp/state" -o "Dir::Cache=$temp/cache" -o APT::Sandbox::User="")
  (cd "$temp" && apt-get download -o APT::Sandbox::User="" prometheus >"$temp/apt.log" 2>&1) && return
  mkdir -p "$temp/state/lists/partial" "$temp/cache/archives/partial"
  (cd "$temp" && apt-get "${own[@]}" update && apt-get "${own[@]}" download prometheus) >"$temp/apt.log" 2>&1 && return
  tail -n 5 "$temp/apt.log" >&2
  return 1
}

path() {
  fetch
  echo "$home"
}

case ${1:-} in
check | there | fetch | path) "$@" ;;
*) usage "prometheus.sh check | there | fetch | path" ;;
esac
