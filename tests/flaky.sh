#!/usr/bin/env bash
# Tests that fail by chance: every test of this crate again and again, with two busy loops beside it.
#
#   flaky.sh [TIMES] [FILTER ...]   20 times, all tests, unless said otherwise
#
# Each time the whole binary runs, as in `make test`, in another order: a test on its own would meet neither the tests that
# share its servers nor those that take its ports, and would start a Kafka for each of its runs. The order comes from a
# seed, which is printed; SEED=n makes the first run's n. A run that takes longer than LIMIT_SECONDS (an hour) counts as a
# failure of each test that has not ended by then.
#
# Exit code 0: nothing failed; 1: something did, and the output of each failure is kept; 2: usage, or it does not compile.
set -euo pipefail

times=${1:-20}
shift || true
[[ $times =~ ^[1-9][0-9]*$ ]] || { echo "usage: flaky.sh [TIMES] [FILTER ...]" >&2; exit 2; }
seed=${SEED:-$RANDOM}
limit=${LIMIT_SECONDS:-3600}
cd "$(dirname "${BASH_SOURCE[0]}")"

# Built once: what is edited meanwhile changes nothing.
cargo build --locked --quiet -p orderflow || exit 2
built=$(CARGO_TERM_COLOR=never cargo test --locked -p tests --no-run 2>&1) || { echo "$built" >&2; exit 2; }
exe=$(sed -n 's:.*Executable tests/all\.rs (\(.*\))$:\1:p' <<<"$built")
exe=$(cd .. && realpath "$exe")
target=$(dirname "$(dirname "$exe")")
export ORDERFLOW_BIN=$target/orderflow
kept=$target/flaky/$(date +%Y%m%d-%H%M%S)
mkdir -p "$kept"

# names ARG ...: the tests that the binary lists.
names() { "$exe" --list --format terse "$@" | sed -n 's/: test$//p' | sort; }
comm -23 <(names "$@") <(names --ignored "$@") >"$kept/names"
[[ -s $kept/names ]] || { echo "no test matches: $*" >&2; exit 2; }

# The kernel ends what this script started when the script ends, be it by SIGKILL; servers end with their test process.
start() { exec setpriv --pdeathsig KILL -- "$@"; }
run=
busy=()
stop() {
  for pid in $run ${busy[@]+"${busy[@]}"}; do kill -KILL "$pid" 2>/dev/null || true; done
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
for _ in 1 2; do
  start bash -c 'while :; do :; done' &
  busy+=($!)
done

# One file for each failure, from the part of the output that libtest gives it.
split() {
  awk -v kept="$kept" -v number="$2" '
    /^---- .* stdout ----$/ { name = $2; gsub(/[^A-Za-z0-9_]+/, "-", name); file = kept "/" name "." number; next }
    /^failures:$/ { file = "" }
    file { print >file }' "$1"
}

threads=$(nproc)
: >"$kept/verdicts"
for ((number = 1; number <= times; number++)); do
  log=$kept/run.$number began=$SECONDS note=
  # --shuffle-seed is not stable yet.
  RUSTC_BOOTSTRAP=1 start "$exe" -Z unstable-options --shuffle-seed $((seed + number - 1)) \
    --test-threads $((threads < 2 ? 2 : threads)) "$@" >"$log" 2>&1 </dev/null &
  run=$!
  while kill -0 "$run" 2>/dev/null; do
    if ((SECONDS - began > limit)); then
      note=", ended after $limit s"
      kill -KILL "$run"
    fi
    sleep 1
  done
  wait "$run" || true
  run=
  ended=$(sed -n 's/^test \([^ ]*\)\( - should panic\)\{0,1\} \.\.\. \(ok\|FAILED\)$/\1 \3/p' "$log" | sort)
  # What has no verdict failed, too: the process died or hung.
  lost=$(comm -13 <(cut -d ' ' -f 1 <<<"$ended" | sort) "$kept/names" | sed '/^$/d; s/$/ LOST/')
  failed=$(grep -v ' ok$' <<<"$ended"$'\n'"$lost" | sed '/^$/d' || true)
  printf '%s\n%s\n' "$ended" "$lost" | sed '/^$/d' >>"$kept/verdicts"
  count=$(wc -l <"$kept/names")
  echo "run $number of $times, seed $((seed + number - 1)), $((SECONDS - began)) s$note: $(sed '/^$/d' <<<"$failed" | wc -l) of $count failed"
  if [[ -n $failed ]]; then
    awk '{ print "  " $0 }' <<<"$failed"
    split "$log" "$number"
  else
    rm "$log"
  fi
done

echo
awk '{ runs[$1]++; failures[$1] += $2 != "ok" }
  END { for (name in runs) printf "%3d runs %3d failures  %s\n", runs[name], failures[name], name }' "$kept/verdicts" |
  sort -k 3,3nr -k 5,5
failures=$(grep -vc ' ok$' "$kept/verdicts" || true)
if ((failures > 0)); then
  echo "$failures failures; their output is kept in $kept" >&2
  exit 1
fi
rm -r "$kept"
echo "nothing failed"
