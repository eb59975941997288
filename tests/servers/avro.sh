#!/usr/bin/env bash
# Apache's Avro for Java with nothing but a JDK and Maven: what it says of schema compatibility, for tests.
#
#   avro.sh check   is everything there that the other verbs need? exit 3 and what is missing if not
#   avro.sh fetch   the jars and the compiled Compat.java into the cache; quick when they are there
#   avro.sh run     in the foreground: JSON lines {"name", "reader", "writer"} on stdin, one answer line each on stdout
set -euo pipefail
# shellcheck source=tests/servers/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

pom=$servers/avro/pom.xml
source=$servers/avro/Compat.java
version=$(pom_version avro)
home=$cache/avro-$version
classes=$home/compat

# Compiled from exactly this source.
compiled() { cmp -s "$source" "$classes/Compat.java"; }

check() {
  java=$(find_java 17 ${JAVA_HOME:+"$JAVA_HOME"}) || lack "java 17 or newer (JAVA_HOME, PATH or /usr/lib/jvm), to run Avro $version"
  fetched "$home" "$pom" || need_maven "Avro $version"
  if ! compiled && ! find_javac >/dev/null; then lack "javac (a JDK and not a JRE), to compile Compat.java"; fi
  lack_nothing
}

# PATH's java is a link on many machines; the compiler is beside what it leads to.
find_javac() {
  local beside
  [[ -n ${java:-} ]] || return 1
  beside=$(dirname "$(readlink -f "$java")")/javac
  if [[ -x $beside ]]; then echo "$beside"; else command -v javac; fi
}

fetch() {
  check
  if ! fetched "$home" "$pom"; then
    say "fetching Avro $version into $home"
    fetch_into "$home" "$pom" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=jars
  fi
  if ! compiled; then compile; fi
}

# Into a folder of its own and renamed: two at once never leave half a program behind.
compile() {
  temp=$(mktemp -d "$home/.compat-XXXXXX")
  trap 'rm -rf "$temp"' EXIT
  "$(find_javac)" -encoding UTF-8 -cp "$home/jars/*" -d "$temp/new" "$source" >&2 || die "javac could not compile $source"
  cp "$source" "$temp/new/"
  if ! compiled; then
    if [[ -e $classes ]]; then mv "$classes" "$temp/old"; fi
    mv "$temp/new" "$classes"
  fi
  rm -rf "$temp" "$classes/new" # the latter: two were here at once, and the second moved its copy into the first's
}

run() {
  (($# == 0)) || usage "avro.sh run <pairs >answers"
  fetch
  exec "$java" -Xmx512m -XX:+UseSerialGC -Duser.language=en -cp "$classes:$home/jars/*" Compat
}

case ${1:-} in
check | fetch | run) "$@" ;;
*) usage "avro.sh check | fetch | run" ;;
esac
