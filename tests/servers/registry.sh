#!/usr/bin/env bash
# A real schema registry (Apicurio, Confluent's API under /apis/ccompat/v7) with nothing but a JDK and Maven, for tests.
#
#   registry.sh check          is everything there that the other verbs need? exit 3 and what is missing if not
#   registry.sh fetch          the registry into the cache; quick when it is there
#   registry.sh run DIR PORT   in the foreground, data in DIR, on 127.0.0.1:PORT only
set -euo pipefail
# shellcheck source=tests/servers/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

pom=$servers/registry/pom.xml
version=$(pom_version registry)
home=$cache/apicurio-registry-$version

check() {
  java=$(find_java 21 ${JAVA21_HOME:+"$JAVA21_HOME"} ${JAVA_HOME:+"$JAVA_HOME"}) ||
    lack "java 21 or newer (JAVA21_HOME, JAVA_HOME, PATH or /usr/lib/jvm), to run the schema registry $version"
  fetched "$home" "$pom" || need_maven "the schema registry $version"
  lack_nothing
}

fetch() {
  check
  if fetched "$home" "$pom"; then return; fi
  say "fetching the schema registry $version into $home"
  fetch_into "$home" "$pom" dependency:unpack-dependencies -DoutputDirectory=app
}

run() {
  (($# == 2)) || usage "registry.sh run DIR PORT"
  fetch
  mkdir -p "$1"
  local dir port=$2
  dir=$(cd "$1" && pwd)
  # Port 0 for the management interface: it can be switched off only when the registry is built, and nobody asks it.
  # WRITE_DELAY=0, or H2 forgets the last half second when it is killed.
  exec "$java" -Xmx512m -XX:TieredStopAtLevel=1 "-Djava.io.tmpdir=$dir" \
    "-Dquarkus.http.host=127.0.0.1" "-Dquarkus.http.port=$port" \
    "-Dquarkus.management.host=127.0.0.1" "-Dquarkus.management.port=0" \
    "-Dquarkus.http.access-log.enabled=false" \
    "-Dapicurio.storage.snapshot.location=$dir" "-Dapicurio.import.work-dir=$dir" \
    "-Dapicurio.datasource.url=jdbc:h2:file:$dir/registry;WRITE_DELAY=0" \
    "-Dapicurio.datasource.jdbc.initial-size=2" "-Dapicurio.datasource.jdbc.min-size=2" \
    -jar "$home/app/quarkus-run.jar"
}

case ${1:-} in
check | fetch | run) "$@" ;;
*) usage "registry.sh check | fetch | run DIR PORT" ;;
esac
