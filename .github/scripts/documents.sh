#!/usr/bin/env bash
# Lets a built program write its man page and completions: documents.sh <program> <directory>
set -euo pipefail

program=$1
into=$2
mkdir -p "$into"
"$program" -generate=man > "$into/nomad-restart.1"
"$program" -generate=bash > "$into/nomad-restart.bash"
"$program" -generate=zsh > "$into/_nomad-restart"
"$program" -generate=fish > "$into/nomad-restart.fish"
