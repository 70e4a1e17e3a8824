#!/bin/sh
# Runs a command. Where ip-netns(8) and dpd mount what lives in them, it leaves mounted what was before.
# Usage: as-found.sh COMMAND [ARGUMENT]...
set -eu

missing=
for folder in /sys/fs/bpf /run/netns; do
  mountpoint -q "$folder" || missing="$missing $folder"
done

status=0
# A signal to all of the terminal's processes: the command ends by it, and this one afterwards.
trap : INT TERM
"$@" || status=$?
for folder in $missing; do
  # One that is in use by others is theirs now.
  [ -n "$(find "$folder" -mindepth 1 ! -name '*.debug' -print -quit 2>/dev/null)" ] && continue
  ! mountpoint -q "$folder" || umount "$folder" || true
  rmdir "$folder" 2>/dev/null || true
done
exit $status
