# shellcheck shell=bash
# For test suites that are programs of other languages: the built binary, and what they need from PyPI and npm. Sourced in
# the suite's folder.

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

# Builds the gateway as `tests/run rust` builds it, so that nothing is built twice, and exports where it is.
build() {
  say "cargo build"
  cargo test --locked --no-run --features otlp
  REELGATE_BIN=$(cargo metadata --locked --no-deps --format-version 1 |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/debug/reelgate
  export REELGATE_BIN
}

# Both installs keep a copy of what they were made from, and are left alone while it has not changed.
install_python() {
  cmp -s requirements.txt .venv/installed.txt && return
  say "packages of Python"
  rm -rf .venv
  python3 -m venv .venv
  .venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
  cp requirements.txt .venv/installed.txt
}

install_node() {
  cmp -s package-lock.json node_modules/installed.json && return
  say "packages of Node"
  npm ci --no-audit --no-fund --loglevel=error
  cp package-lock.json node_modules/installed.json
}

# The SDK needs Node 22. Distributions have older ones, so one comes from the registry where it has one.
node_binary() {
  local bundled
  for bundled in node_modules/node-*/bin/node; do
    [ -x "$bundled" ] && echo "$PWD/$bundled" && return
  done
  command -v node
}
