#!/usr/bin/env bash
# Checks an installed package: the program runs, and what comes with it is where man and the shells look.
set -euo pipefail

nomad-restart -version
test -s /usr/share/man/man1/nomad-restart.1.gz
gzip -dc /usr/share/man/man1/nomad-restart.1.gz | diff - <(nomad-restart -generate=man)
diff /usr/share/bash-completion/completions/nomad-restart <(nomad-restart -generate=bash)
diff /usr/share/zsh/vendor-completions/_nomad-restart <(nomad-restart -generate=zsh)
diff /usr/share/fish/vendor_completions.d/nomad-restart.fish <(nomad-restart -generate=fish)
test -s /usr/share/doc/nomad-restart/copyright
