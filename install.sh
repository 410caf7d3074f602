#!/bin/bash
# Builds docker-credential-kubeclarity, installs it for this user, and asks it one question.
set -euo pipefail

name=docker-credential-kubeclarity
repository=$(CDPATH="" cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
sample=examples/pull-secrets
question=registry.example.com
answer='{"ServerURL":"registry.example.com","Username":"sample-user","Secret":"not-a-real-password"}'

help() {
  cat << END
Usage: ./install.sh [--uninstall | --help]

Builds $name and installs it to \$PREFIX/bin; PREFIX is ~/.local unless set.
The man page and the completions of bash, zsh and fish go below \$PREFIX/share, where man and the shells look for them.
Needs cargo with rustc $(needed_rust) or newer and a C compiler, and says so if one is missing.
Builds a static program if rustup has this machine's musl target and musl-gcc or cargo-zigbuild is there;
else one for this system's C library. Both need the crates of Cargo.lock, which cargo downloads.

Writes to PREFIX, to the build directory (target/ or CARGO_TARGET_DIR), and to cargo's own cache; nowhere else.

  --uninstall  removes what it put below PREFIX, and nothing else; says first what clients and the helper itself keep elsewhere
  --help       prints this
END
}

say() { printf '%s\n' "$*"; }
fail() { printf 'install: %s\n' "$*" >&2; exit 1; }

needed_rust() { sed -n 's/^rust-version = "\([0-9.]*\)".*/\1/p' "$repository/Cargo.toml"; }

# Is the version $1 at least $2? Both as 1.2.3; what follows a "-" does not count.
at_least() {
  local have need
  IFS=. read -r -a have <<< "${1%%-*}"
  IFS=. read -r -a need <<< "$2"
  local part
  for part in 0 1 2; do
    ((${have[part]:-0} == ${need[part]:-0})) || { ((${have[part]:-0} > ${need[part]:-0})); return; }
  done
}

missing=()
lacks() { missing+=("$1"); shift; local line; for line in "$@"; do missing+=("    $line"); done; }

rust_from=(
  'Debian 13:  apt-get install rustup && rustup default stable'
  'Fedora:     dnf install rustup && rustup-init'
  'Alpine:     apk add rustup && rustup-init'
  'macOS:      brew install rustup && rustup default stable'
  'elsewhere:  https://rustup.rs'
)

check_rust() {
  local need have
  need=$(needed_rust)
  if ! command -v cargo > /dev/null || ! command -v rustc > /dev/null; then
    lacks "cargo and rustc $need or newer: not on PATH" "${rust_from[@]}"
    if [ -n "${HOME:-}" ] && [ -x "$HOME/.cargo/bin/cargo" ]; then
      # shellcheck disable=SC2016
      lacks '  (cargo is in ~/.cargo/bin: put that on PATH)' '. "$HOME/.cargo/env"'
    fi
    return
  fi
  have=$(rustc --version 2> /dev/null | cut -d ' ' -f 2) || have=
  if [ -z "$have" ]; then
    lacks "a Rust toolchain: rustc is there but does not start" 'rustup default stable'
  elif ! at_least "$have" "$need"; then
    lacks "rustc $need or newer: this is $have" 'where rustup is already: rustup update stable' "${rust_from[@]}"
  fi
}

# A compiler without the C library's headers, or without a linker, is none.
check_c() {
  local compiler work
  read -r compiler _ <<< "${CC:-cc}"
  work=$(mktemp -d)
  printf '#include <stdlib.h>\n#include <stdint.h>\nint main(void) { return EXIT_SUCCESS; }\n' > "$work/probe.c"
  if ! command -v "$compiler" > /dev/null; then
    lacks "a C compiler and linker: $compiler is not on PATH"
  elif ! (cd "$work" && ${CC:-cc} probe.c -o probe) > /dev/null 2>&1; then
    lacks "a C compiler and linker: $compiler does not build a program of one line"
  fi
  rm -r "$work"
  case ${missing[*]-} in
    *'a C compiler'*)
      lacks '  (how to get it)' 'Debian:  apt-get install gcc libc6-dev' 'Fedora:  dnf install gcc' \
        'Alpine:  apk add build-base' 'macOS:   xcode-select --install' ;;
  esac
}

check() {
  check_rust
  check_c
  [ ${#missing[@]} -eq 0 ] || {
    printf 'install: missing on this machine:\n' >&2
    printf '  %s\n' "${missing[@]}" >&2
    exit 1
  }
}

# Prints the musl target that can be built here, if there is one.
static_target() {
  local target
  case $(rustc -vV | sed -n 's/^host: //p') in
    *-linux-gnu) target=$(uname -m)-unknown-linux-musl ;;
    *) return 0 ;;
  esac
  command -v rustup > /dev/null || return 0
  rustup target list --installed 2> /dev/null | grep -qx "$target" || return 0
  ! command -v cargo-zigbuild > /dev/null && ! command -v musl-gcc > /dev/null || say "$target"
}

# Builds, and prints the program's path.
build() {
  local target directory verb=build
  unset CARGO_BUILD_TARGET
  target=$(static_target)
  if [ -n "$target" ] && command -v cargo-zigbuild > /dev/null; then verb=zigbuild; fi
  say "Building $name ${target:+for $target }with $(cargo --version) ..." >&2
  # shellcheck disable=SC2086
  cargo $verb --release --locked ${target:+--target "$target"} >&2 || fail 'the build failed; the reason stands above'
  directory=$(cargo metadata --format-version 1 --no-deps --locked --offline |
    sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
  say "$directory/${target:+$target/}release/$name"
}

# Puts the file in its place in one step: whoever starts it meanwhile gets the old one or the new one, whole.
put() { # from, to, mode
  local temporary
  [ ! -d "$2" ] || fail "$2 is a directory; move it away"
  temporary=$(mktemp "$(dirname -- "$2")/.$name.XXXXXX") || fail "cannot write to $(dirname -- "$2")"
  # shellcheck disable=SC2064
  trap "rm -f -- $(printf '%q' "$temporary")" EXIT
  cp -- "$1" "$temporary" && chmod "$3" "$temporary" && mv -f -- "$temporary" "$2" || fail "cannot write $2"
  trap - EXIT
}

# Calls a function with each manual of the repository and its place below PREFIX.
each_manual() {
  "$1" "$name.1" "share/man/man1/$name.1"
  "$1" "$name.bash" "share/bash-completion/completions/$name"
  "$1" "_$name" "share/zsh/site-functions/_$name"
  "$1" "$name.fish" "share/fish/vendor_completions.d/$name.fish"
}

put_manual() {
  mkdir -p -- "$(dirname -- "$prefix/$2")" || fail "cannot make $(dirname -- "$prefix/$2")"
  put "$repository/docs/manuals/$1" "$prefix/$2" 0644
}

on_path() {
  case ":$PATH:" in *":$bin:"*) ;; *)
    say "$bin is not on PATH, and clients look for the helper there. Add this line to your shell's profile:"
    say "    export PATH=$(printf '%q' "$bin"):\$PATH"
    return ;;
  esac
  local first
  first=$(command -v "$name")
  [ "$first" = "$bin/$name" ] || say "Another one stands before it on PATH: $first"
}

ask() {
  local got status=0
  say 'A question to the installed helper:'
  say "    $ echo $question | IMAGE_PULL_SECRET_PATH=$sample $name get"
  # Without this shell's variables, which may name other sources.
  got=$(say "$question" | env -i IMAGE_PULL_SECRET_PATH="$sample" "$bin/$name" get 2>&1) || status=$?
  say "    $got"
  [ $status = 0 ] && [ "$got" = "$answer" ] ||
    fail "this is not the expected answer (exit code $status); expected: $answer"
  say 'This is the expected answer: the helper works.'
}

remove() { # file
  if [ ! -e "$1" ] && [ ! -L "$1" ]; then
    return 1
  elif [ ! -f "$1" ] || [ -L "$1" ]; then
    fail "$1 is no regular file, so this script did not put it there; it stays"
  fi
  rm -f -- "$1" || fail "cannot remove $1"
  say "Removed $1"
}

remove_manual() { remove "$prefix/$2" || true; }

# What is not this script's: clients that are told to ask the helper fail without it.
uninstall() {
  local kept=${XDG_RUNTIME_DIR:-${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}}
  if [ -e "$bin/$name" ]; then
    say "First, or clients fail without the helper: $name configure --remove, and $name configure --podman --remove"
  fi
  if [ -n "$kept" ] && [ -d "$kept/$name" ]; then
    say "Kept answers are in $kept/$name: rm -r $(printf '%q' "$kept/$name")"
  fi
  remove "$bin/$name" || say "$bin/$name is not there: nothing to remove"
  each_manual remove_manual
}

case $#:${1-} in
  0: | 1:--uninstall) ;;
  1:--help | 1:-h) help; exit 0 ;;
  *) help >&2; exit 1 ;;
esac
prefix=${PREFIX:-${HOME:+$HOME/.local}}
[ -n "$prefix" ] || fail 'neither PREFIX nor HOME is set; set PREFIX to where it shall be installed'
case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
prefix=${prefix%/}
bin=$prefix/bin

if [ "${1-}" = --uninstall ]; then uninstall; exit; fi
case ${CARGO_TARGET_DIR-} in '' | /*) ;; *) export CARGO_TARGET_DIR=$PWD/$CARGO_TARGET_DIR ;; esac
cd -- "$repository"
check
program=$(build)
[ -f "$program" ] || fail "the build left no $program"
mkdir -p -- "$bin" || fail "cannot make $bin"
put "$program" "$bin/$name" 0755
each_manual put_manual
say "Installed $("$bin/$name" version) to $bin/$name, its man page and completions below $prefix/share"
on_path
ask
