# Shared by kafka.sh, registry.sh and avro.sh (sourced, never run): where things are kept, which Java serves, how to say no.
# shellcheck shell=bash disable=SC2034

servers=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$servers/../.." && pwd)
# Outside the tree: a clean clone, `git clean` and a second checkout all find the servers already there.
cache=${ORDERFLOW_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/orderflow}

say() { echo "$*" >&2; }
die() { say "error: $*"; exit 1; }
usage() { say "usage: $*"; exit 2; }
missing=0
lack() {
  say "missing: $*"
  missing=1
}
# Everything that is missing has been named. Exit 3 = "could not": nothing is known about the code.
lack_nothing() { ((missing == 0)) || exit 3; }

# The version stands in the pom and nowhere else.
pom_version() { sed -n 's:.*<server\.version>\(.*\)</server\.version>.*:\1:p' "$servers/$1/pom.xml"; }

# find_java MAJOR [HOME...]: the first java of at least that version among the homes given, PATH and the system's folder.
find_java() {
  local least=$1 java major
  shift
  for java in "${@/%//bin/java}" "$(command -v java || true)" /usr/lib/jvm/*/bin/java; do
    [[ -x $java ]] || continue
    major=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1)
    if ((${major:-0} >= least)); then
      echo "$java"
      return
    fi
  done
  return 1
}

need_maven() { command -v mvn >/dev/null || lack "mvn (Apache Maven 3.6 or newer), to fetch $1"; }

# fetched HOME POM: present, and fetched for exactly this pom.
fetched() { cmp -s "$2" "$1/pom.xml"; }

# fetch_into HOME POM ARG...: lets Maven fill a temporary folder, then renames it, so that a download cut short or two
# at once never leave half a server behind. Maven works on a copy of the pom and so writes nothing into the tree.
fetch_into() {
  local home=$1 pom=$2
  shift 2
  mkdir -p "$cache"
  temp=$(mktemp -d "$cache/.fetch-XXXXXX")
  trap 'rm -rf "$temp"' EXIT
  mkdir "$temp/new"
  cp "$pom" "$temp/new/pom.xml"
  (cd "$temp/new" && mvn --quiet --batch-mode -Dstyle.color=never "$@" >&2) || die "mvn could not fetch what $pom lists"
  if ! fetched "$home" "$pom"; then
    if [[ -e $home ]]; then mv "$home" "$temp/old"; fi
    mv "$temp/new" "$home"
  fi
  rm -rf "$temp" "$home/new" # the latter: two were here at once, and the second moved its copy into the first's
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# A port nobody listens on. Not one that the kernel hands out: those (32768 and up) are also the source ports of other
# programs' connections, and a client that keeps trying a dead port there can end up connected to itself, holding it.
# Below 25000 the tests reserve theirs (tests/src/child.rs).
free_port() { free_port_near 0; }

# free_port_near PORT: this one if it is free. Where each server has one of its own to begin with, two that start at the same
# time cannot choose the same.
free_port_near() {
  local port=$1
  for _ in {1..100}; do
    if ((port >= 25000 && port < 30000)) && ! listens "$port"; then
      echo "$port"
      return
    fi
    port=$((25000 + RANDOM % 5000))
  done
  die "no free port between 25000 and 29999"
}
