#!/usr/bin/env bash
# A real Kafka (one node) with nothing but a JDK and Maven: for the tests, and for a person's own machine.
#
#   kafka.sh check          is everything there that the other verbs need? exit 3 and what is missing if not
#   kafka.sh fetch          Kafka's jars into the cache; quick when they are there
#   kafka.sh run DIR PORT   in the foreground, data in DIR (formatted on first use), on 127.0.0.1:PORT only
#   kafka.sh run-controller DIR PORT         only the controller ...
#   kafka.sh run-broker DIR PORT CONTROLLER  ... and only the broker, as in production: see server.properties
#   kafka.sh run-secure DIR PORT MTLS_PORT TLS
#                           as `run`, but nobody comes in unknown and nobody may do what no ACL allows:
#                           SASL_SSL on PORT (PLAIN, SCRAM-SHA-512, OAUTHBEARER), mTLS on MTLS_PORT. The folder TLS holds
#                           ca.pem, broker.pem (key and certificate), and users (one name=password a line)
#   kafka.sh up [PORT]      in the background, data in ./.kafka; returns when it answers
#   kafka.sh down           stops what `up` started
#   kafka.sh tool CLASS ... a tool of Kafka's, such as: tool TopicCommand --bootstrap-server 127.0.0.1:9092 --list
set -euo pipefail
# shellcheck source=tests/servers/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

pom=$servers/kafka/pom.xml
version=$(pom_version kafka)
home=$cache/kafka-$version
own=$root/.kafka
# Any 16 bytes in base64; a broker and its controller must agree.
cluster=b3JkZXJmbG93LXRlc3RzMQ

check() {
  java=$(find_java 17 ${JAVA_HOME:+"$JAVA_HOME"}) || lack "java 17 or newer (JAVA_HOME, PATH or /usr/lib/jvm), to run Kafka $version"
  fetched "$home" "$pom" || need_maven "Kafka $version"
  lack_nothing
}

fetch() {
  check
  if fetched "$home" "$pom"; then return; fi
  say "fetching Kafka $version into $home"
  fetch_into "$home" "$pom" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=jars
}

run() {
  (($# == 2)) || usage "kafka.sh run DIR PORT"
  # Chosen anew each time: somebody else may have the old one by now.
  local controller
  controller=$(free_port_near $(($2 + 10000)))
  start "$1" broker,controller 1 "1@127.0.0.1:$controller" \
    "PLAINTEXT://127.0.0.1:$2,CONTROLLER://127.0.0.1:$controller" "PLAINTEXT://127.0.0.1:$2"
}

run-controller() {
  (($# == 2)) || usage "kafka.sh run-controller DIR PORT"
  start "$1" controller 2 "2@127.0.0.1:$2" "CONTROLLER://127.0.0.1:$2" ""
}

run-broker() {
  (($# == 3)) || usage "kafka.sh run-broker DIR PORT CONTROLLER"
  start "$1" broker 1 "2@127.0.0.1:$3" "PLAINTEXT://127.0.0.1:$2" "PLAINTEXT://127.0.0.1:$2"
}

# Users are made when the folder is formatted. OAUTHBEARER takes tokens that nobody signed: a test's, never production's.
run-secure() {
  (($# == 4)) || usage "kafka.sh run-secure DIR PORT MTLS_PORT TLS"
  local controller tls name password plain=
  controller=$(free_port_near $(($2 + 10000)))
  tls=$(cd "$4" && pwd)
  while IFS='=' read -r name password; do
    plain+=" user_$name=\"$password\""
    users+=(--add-scram "SCRAM-SHA-512=[name=$name,password=$password]")
  done <"$tls/users"
  more=$(cat "$servers/kafka/secure.properties" - <<END

ssl.keystore.location=$tls/broker.pem
ssl.truststore.location=$tls/ca.pem
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required$plain;
END
  )
  start "$1" broker,controller 1 "1@127.0.0.1:$controller" \
    "SASL_SSL://127.0.0.1:$2,SSL://127.0.0.1:$3,CONTROLLER://127.0.0.1:$controller" \
    "SASL_SSL://127.0.0.1:$2,SSL://127.0.0.1:$3"
}

# More properties, and more of what the folder is formatted with.
more=
users=()

# start DIR ROLES NODE VOTERS LISTENERS ADVERTISED
start() {
  fetch
  mkdir -p "$1"
  local dir
  dir=$(cd "$1" && pwd)
  # Written anew each time: the ports may change from run to run.
  cat "$servers/kafka/server.properties" - >"$dir/server.properties" <<END

process.roles=$2
node.id=$3
controller.quorum.voters=$4
listeners=$5
${6:+advertised.listeners=$6}
log.dirs=$dir/log
$more
END
  if [[ ! -e $dir/log/meta.properties ]]; then
    "$java" -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
      -cp "$home/jars/*" kafka.tools.StorageTool format \
      --cluster-id "$cluster" --config "$dir/server.properties" ${users[@]+"${users[@]}"}
  fi
  # exec, so that whoever started this script holds the broker's own PID. The configuration is printed three times
  # over (1,000 lines) unless its logger is told not to.
  exec "$java" -Xmx768m -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:+ExitOnOutOfMemoryError \
    -Dorg.slf4j.simpleLogger.showDateTime=true "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS" \
    -Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn \
    -cp "$home/jars/*" kafka.Kafka "$dir/server.properties"
}

# Asks the broker on this port which API versions it knows (the first thing any client says) and waits for an answer.
answers() {
  (
    exec 3<>"/dev/tcp/127.0.0.1/$1"
    printf '\0\0\0\12\0\22\0\0\0\0\0\1\377\377' >&3
    IFS= read -r -n 1 -t 5 _ <&3
  ) 2>/dev/null
}

# The PID that `up` wrote, if that is still our broker and not a stranger who got the number since.
own_pid() {
  local pid
  pid=$(cat "$own/pid" 2>/dev/null) || return 1
  [[ $(ps -p "$pid" -o args= 2>/dev/null) == *kafka.Kafka* ]] || return 1
  echo "$pid"
}

up() {
  local port=${1:-9092} pid
  if pid=$(own_pid); then
    say "Kafka is up already: 127.0.0.1:$(cat "$own/port") (PID $pid); 'make kafka-down' stops it"
    return
  fi
  if listens "$port"; then die "port $port is taken by another program; choose one: make kafka-up PORT=9192"; fi
  fetch
  mkdir -p "$own"
  nohup "${BASH_SOURCE[0]}" run "$own" "$port" >"$own/broker.log" 2>&1 </dev/null &
  pid=$!
  echo "$pid" >"$own/pid"
  echo "$port" >"$own/port"
  local deadline=$((SECONDS + 90))
  until answers "$port"; do
    if ! kill -0 "$pid" 2>/dev/null; then
      tail -n 20 "$own/broker.log" >&2
      die "Kafka did not start; its log is .kafka/broker.log"
    fi
    ((SECONDS < deadline)) || die "Kafka (PID $pid) gave no answer for 90 s; its log is .kafka/broker.log"
    sleep 0.2
  done
  say "Kafka $version listens on 127.0.0.1:$port (this machine only); data and log in .kafka; 'make kafka-down' stops it"
}

down() {
  local pid
  if ! pid=$(own_pid); then
    say "no Kafka of ours is up"
    return
  fi
  kill -TERM "$pid"
  local deadline=$((SECONDS + 30))
  while kill -0 "$pid" 2>/dev/null; do
    if ((SECONDS >= deadline)); then kill -KILL "$pid" 2>/dev/null || true; fi
    sleep 0.1
  done
  rm -f "$own/pid" "$own/port"
  say "Kafka is down; its data stay in .kafka (remove the folder to begin anew)"
}

tool() {
  (($# >= 1)) || usage "kafka.sh tool CLASS ..., a class of org.apache.kafka.tools"
  fetch
  exec "$java" -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
    -cp "$home/jars/*" "org.apache.kafka.tools.$1" "${@:2}"
}

case ${1:-} in
check | fetch | run | run-controller | run-broker | run-secure | up | down | tool) "$@" ;;
*) usage "kafka.sh check | fetch | run DIR PORT | run-controller DIR PORT | run-broker DIR PORT CONTROLLER | run-secure DIR PORT MTLS_PORT TLS | up [PORT] | down | tool CLASS ..." ;;
esac
