#!/usr/bin/env bash
# Names everything that is missing to build ironwright and the real stack it is tried on, before anything slow
# starts: all of it in one message, with how to get each. Prints nothing when all is there.
set -uo pipefail

missing=()
lacks() { missing+=("$1"$'\n'"      $2"); }
# at_least HAVE WANT: version numbers, compared part by part.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

rust() {
    local get='install rustup (https://rustup.rs); it fetches the version pinned in rust-toolchain.toml by itself' have
    if ! command -v cargo >/dev/null || ! command -v rustc >/dev/null; then
        lacks 'Rust 1.95 (cargo, rustc): not found' "$get"
    elif ! command -v rustup >/dev/null; then
        have=$(rustc --version | awk '{ print $2 }')
        at_least "$have" 1.95 || lacks "Rust 1.95 or newer: found $have, and no rustup" "$get"
    fi
}

c_compiler() {
    command -v cc >/dev/null || lacks 'a C compiler and linker (cc): not found' \
        'Debian, Ubuntu: apt install gcc libc6-dev; Fedora: dnf install gcc; Alpine: apk add gcc musl-dev'
}

go() {
    local get='https://go.dev/dl (unpack it and put its bin directory on PATH)' have
    if ! have=$(command go env GOVERSION 2>/dev/null); then
        lacks 'Go 1.26 or newer: not found' "$get"
    else
        at_least "${have#go}" 1.26 || lacks "Go 1.26 or newer: found ${have#go}" "$get"
    fi
}

# Any of the names the launcher looks for: a distribution's python3 may be too old with a newer one beside it.
python() {
    local get='Debian 12, Ubuntu 24.04 or newer: apt install python3 python3-venv; others: https://www.python.org/downloads'
    local name have found=
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        have=$("$name" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
        found+=" $name is $have"
        at_least "$have" 3.11 || continue
        "$name" -c 'import venv, ensurepip' 2>/dev/null && return
        found+=' without venv'
    done
    lacks "Python 3.11 or newer with its venv module:${found:- not found}" "$get"
}

rust
c_compiler
# For the Kubernetes control plane and for Ironic.
go
python
if [ ${#missing[@]} -gt 0 ]; then
    printf 'ironwright: cannot start, this machine lacks:\n' >&2
    printf '  - %s\n' "${missing[@]}" >&2
    exit 1
fi
