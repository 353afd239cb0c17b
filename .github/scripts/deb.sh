#!/usr/bin/env bash
# Packs the release build for Debian: deb.sh [target]. Needs cargo-deb; what goes where is in Cargo.toml.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${1:-}
bash .github/scripts/documents.sh "target/${target:+$target/}release/nomad-restart" target/documents
cargo deb --no-build --locked ${target:+--target "$target"}
