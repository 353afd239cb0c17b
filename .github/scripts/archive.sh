#!/usr/bin/env bash
# Packs the release build with its documents into target/dist: archive.sh <target>
set -euo pipefail
cd "$(dirname "$0")/../.."

target=$1
program=target/$target/release/nomad-restart
case $target in *-windows-*) program+=.exe ;; esac
version=$("$program" -version)
name=nomad-restart-${version#*v}-$target

mkdir -p "target/dist/$name"
cp "$program" README.md LICENSE "target/dist/$name/"
bash .github/scripts/documents.sh "$program" "target/dist/$name/documents"
cd target/dist
case $target in
    *-windows-*) 7z a "$name.zip" "$name" ;;
    *) tar --create --gzip --file "$name.tar.gz" "$name" ;;
esac
rm -r "$name"
