#!/usr/bin/env bash
# The steps of the Dockerfile in a bare folder, without a container engine: only what .dockerignore lets in is there.
#
#   image.sh check   builds the binary twice and compares; what it is linked to; what it says of its linker; its SBOM
#
# Takes two release builds (20 minutes on two cores) and leaves nothing behind.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

say() { echo "$*" >&2; }
die() { say "error: $*"; exit 1; }
# A version of the Dockerfile's: `name --version N`.
pinned() { sed -n "s/.*$1 --version \([0-9.]*\).*/\1/p" Dockerfile; }

root=$PWD
bare=$(mktemp -d)
trap 'rm -rf "$bare"' EXIT

# The lines `!path` of .dockerignore, and of these what git knows.
context() {
  local -a admitted
  mapfile -t admitted < <(sed -n 's/^!//p' "$root/.dockerignore")
  mkdir "$bare/src"
  git -C "$root" ls-files -z -- "${admitted[@]}" | tar -C "$root" --null --files-from=- -c | tar -C "$bare/src" -x
}

# The same path and settings each time, nothing of the time before.
build() {
  rm -rf "$bare/src/target"
  (
    cd "$bare/src"
    unset CARGO_TARGET_DIR RUSTFLAGS CARGO_BUILD_TARGET
    CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_INCREMENTAL=0 cargo build --quiet --locked --release -p orderflow
  ) || die "the image's build failed"
  cp "$bare/src/target/release/orderflow" "$bare/$1"
}

# Everything that distroless/cc has, and nothing else.
linked() {
  local foreign
  foreign=$(ldd "$bare/first" | sed 's/^[[:space:]]*//' |
    grep -Ev '^(linux-vdso|libgcc_s|libm|libc|libdl|libpthread|librt)\.so|^/lib.*/ld-linux' || true)
  [[ -z $foreign ]] || die "the binary needs what the image does not have: $foreign"
  say "ok   linked to glibc and libgcc only"
}

# The Dockerfile's own check: no broker is there, so that it ends with 3, and it says when the linker was not told.
told() {
  local said code=0
  said=$("$bare/first" --log warn topics apply --bootstrap 127.0.0.1:9 2>&1) || code=$?
  [[ $code == 3 ]] || die "exit $code in place of 3: $said"
  if [[ $said == *"linked without"* ]]; then die "$said"; fi
  (cd "$bare" && mkdir -p share && cp -R src/topics.yaml src/schemas share/ && cd share && ../first topics lint >/dev/null) ||
    die "the binary does not find the contract beside it"
  say "ok   the linker was told, the contract is found"
}

sbom() {
  local version
  version=$(pinned cargo-cyclonedx)
  cargo install --quiet --locked cargo-cyclonedx --version "$version" --root "$bare/tools" --debug ||
    die "cargo-cyclonedx $version was not built"
  (
    cd "$bare/src"
    PATH=$bare/tools/bin:$PATH cargo cyclonedx --manifest-path crates/orderflow/Cargo.toml --format json --no-build-deps \
      --target "$(rustc --print host-tuple)" --override-filename sbom >/dev/null
  )
  python3 - "$bare/src/crates/orderflow/sbom.json" <<'PY' || die "the bill of materials is not one"
import json, sys
bill = json.load(open(sys.argv[1]))
parts = {part["name"] for part in bill["components"]}
missing = {"rdkafka-sys", "sled", "apache-avro"} - parts
assert bill["bomFormat"] == "CycloneDX" and not missing, missing
nameless = [part["name"] for part in bill["components"] if not part.get("licenses")]
print(f"ok   SBOM: {len(parts)} components, without a licence: {', '.join(nameless) or 'none'}", file=sys.stderr)
PY
}

check() {
  context
  build first
  build second
  cmp "$bare/first" "$bare/second" || die "two builds of the same source differ"
  say "ok   two builds, the same bytes: $(sha256sum "$bare/first" | cut -c 1-16)…, $(du -m "$bare/first" | cut -f 1) MB"
  linked
  told
  sbom
}

case ${1:-} in
check) check ;;
*) say "usage: image.sh check"; exit 2 ;;
esac
