#!/bin/sh
# Puts the build in dist/ on this node, or takes it off again. Safe to run twice.
# Usage: install.sh [--root DIR] [--uninstall] [--no-conflist]
#   --root DIR     stage below DIR instead of / (nothing is started, no kernel state is touched)
#   --no-conflist  leave the CNI configuration alone, now and later
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=
uninstall=
conflist=yes
while [ $# -gt 0 ]; do
  case $1 in
    --root) [ $# -gt 1 ] || { echo "install: --root needs a folder" >&2; exit 2; }; root=${2%/}; shift 2 ;;
    --uninstall) uninstall=yes; shift ;;
    --no-conflist) conflist=; shift ;;
    *) echo "usage: install.sh [--root DIR] [--uninstall] [--no-conflist]" >&2; exit 2 ;;
  esac
done
lib=/usr/local/lib/vethwall
plugin=/opt/cni/bin/vethwall
live() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

# Written beside its place and renamed, so that a runtime never executes half a file.
place() { # MODE SOURCE TARGET
  mkdir -p "$(dirname "$3")"
  cp "$2" "$3.new"
  chmod "$1" "$3.new"
  sync "$3.new"
  mv -f "$3.new" "$3"
}
launcher() { # FOLDER-AND-OPTION TARGET
  printf '#!%s/bin/launch %s\n' "$lib" "$1" >"$root$lib/launcher.new"
  place 755 "$root$lib/launcher.new" "$root$2"
  rm -f "$root$lib/launcher.new"
}
folder() { # PART NAME
  target=$root$lib/$2
  if diff -rq -x '*.cache' "$here/dist/$1" "$target" >/dev/null 2>&1; then return; fi
  rm -rf "$target.new" "$target.old"
  cp -r "$here/dist/$1" "$target.new"
  # For this very Node.
  [ ! -f "$target.new/plugin.cache" ] || env -i "$root$lib/bin/node" "$target.new/index.js" --write-cache >/dev/null
  if [ -d "$target" ]; then mv "$target" "$target.old"; fi
  mv "$target.new" "$target"
  rm -rf "$target.old"
}
# Each build in a folder of its own, and the one before it stays: whoever has just started the old launcher
# finds all that it names, and never half of each.
program() { # PART LAUNCHER
  new=$1-$(cat "$here/dist/$1"/* | sha256sum | cut -c1-12)
  old=$(sed -n '1s/^#![^ ]* \([^ ]*\).*/\1/p' "$root$2" 2>/dev/null || true)
  # Node's, as the build has it.
  option=$(sed -n '1s/^#![^ ]* [^ ]*//p' "$here/dist/bin/${2##*/}")
  folder "$1" "$new"
  launcher "$new$option" "$2"
  for dir in "$root$lib/$1" "$root$lib/$1"-*; do
    case ${dir##*/} in "$new" | "$old") ;; *) rm -rf "$dir" ;; esac
  done
}

if [ -n "$uninstall" ]; then
  node=$root$lib/bin/node
  [ -x "$node" ] || node=$(command -v node)
  main=$root$lib/install/index.js
  [ -f "$main" ] || main=$here/dist/install/index.js
  # The configuration first: a runtime must never be told to call what is gone.
  if [ -n "$conflist" ]; then "$node" "$main" remove-entry --root "$root"; fi
  if live; then systemctl disable --now dpd.service 2>/dev/null || true; fi
  # Every running pod gets its own interface back before the enforcer namespace goes.
  [ -z "$root" ] && "$node" "$main" release
  rm -f "$root/etc/systemd/system/dpd.service" "$root/usr/local/sbin/dpd" "$root/usr/local/bin/dpctl" "$root$plugin"
  if live; then systemctl daemon-reload; fi
  rm -rf "${root:?}$lib"
  rm -f "$root/etc/vethwall/dpd.yaml.sample"
  # Policy is the operator's own work: kept unless it is as it was installed.
  if cmp -s "$here/conf/dpd.yaml" "$root/etc/vethwall/dpd.yaml"; then rm -f "$root/etc/vethwall/dpd.yaml"; fi
  for dir in /etc/vethwall/policy.d /etc/vethwall/endpoints.d /etc/vethwall /opt/cni/bin /opt/cni /var/lib/vethwall; do
    rmdir "$root$dir" 2>/dev/null || true
  done
  [ -z "$root" ] && rm -rf /var/lib/vethwall /run/vethwall
  [ -d "$root/etc/vethwall" ] && echo "install: kept $root/etc/vethwall with your policy"
  exit 0
fi

[ -f "$here/dist/plugin/index.js" ] || { echo "install: no dist/: run 'npm run build' first" >&2; exit 1; }
place 755 "$(command -v node)" "$root$lib/bin/node"
place 755 "$here/dist/bin/launch" "$root$lib/bin/launch"
folder install install
for text in README.md LICENSE; do place 644 "$here/$text" "$root$lib/$text"; done
program dpd /usr/local/sbin/dpd
program dpctl /usr/local/bin/dpctl
program plugin "$plugin"
mkdir -p "$root/etc/vethwall/policy.d" "$root/etc/vethwall/endpoints.d"
[ -e "$root/etc/vethwall/dpd.yaml" ] || place 644 "$here/conf/dpd.yaml" "$root/etc/vethwall/dpd.yaml"
place 644 "$here/conf/dpd.service" "$root/etc/systemd/system/dpd.service"
if live; then
  systemctl daemon-reload
  systemctl enable --now dpd.service
fi
# Last: from here on the runtime calls the plugin, and dpd keeps the entry.
entry=forget-entry
[ -z "$conflist" ] || entry=add-entry
"$root$lib/bin/node" "$root$lib/install/index.js" "$entry" --root "$root"
