#!/usr/bin/env bash
# Runs one of the fuzz targets (src/ironic/client/fuzz) under libFuzzer: tests/fuzz.sh TARGET SECONDS.
# Needs a C++ compiler beside what the tests need, and no other toolchain: the code has nothing `unsafe` that a sanitizer
# could see. What was learnt stays in the corpus, so that the next run goes on from there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=${1:-} seconds=${2:-600}
case $target in
    catalog | node | refusal) ;;
    *) echo 'usage: tests/fuzz.sh catalog|node|refusal [SECONDS]' >&2; exit 2 ;;
esac
command -v c++ >/dev/null || { echo 'fuzzing needs a C++ compiler (c++), for libFuzzer' >&2; exit 1; }

target_dir=$(realpath -m "${CARGO_TARGET_DIR:-target}")
work=$target_dir/fuzz
mkdir -p "$work/seeds/$target" "$work/corpus/$target" "$work/finds"

# Coverage of this workspace's own crates, as cargo-fuzz asks for it; what they use is the tests' build. Assertions and checks of
# overflows are on, as in the tests.
cat >"$work/rustc" <<'WRAPPER'
#!/bin/sh
exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares
WRAPPER
chmod +x "$work/rustc"
RUSTC_WORKSPACE_WRAPPER=$work/rustc cargo build --workspace --locked --example fuzz \
    --features ironwright/fuzzing,libfuzzer-sys/link_libfuzzer

# What real servers said. Ironic's answers are kept with their status and headers.
python3 - "$target" "$work/seeds/$target" <<'PYTHON'
import json, pathlib, sys

target, seeds = sys.argv[1], pathlib.Path(sys.argv[2])
ironic, others = {"catalog": ([], ["token-*"]), "node": (["node-*"], []), "refusal": (["err-*"], ["refused-*"])}[target]
fixtures = pathlib.Path("tests/fixtures")
for pattern in ironic:
    for file in (fixtures / "ironic").glob(pattern):
        body = json.loads(file.read_text())["body"]
        (seeds / file.name).write_text(body if isinstance(body, str) else json.dumps(body))
for file in [found for pattern in others for found in (fixtures / "keystone").glob(pattern)]:
    (seeds / file.name).write_bytes(file.read_bytes())
for file in (fixtures / "fuzz").glob(target + "-*"):
    (seeds / file.name).write_bytes(file.read_bytes())
PYTHON

# The input that fails is written to finds/.
FUZZ_TARGET=$target exec "$target_dir/debug/examples/fuzz" -max_total_time="$seconds" -timeout=10 -print_final_stats=1 \
    -artifact_prefix="$work/finds/$target-" "$work/corpus/$target" "$work/seeds/$target"
