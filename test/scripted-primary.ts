/**
 * A primary plugin of the test's own: makes a veth pair by ip(8), addresses both ends, and prints the result that
 * it was given, octet for octet. It runs in every version of the specification.
 */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Of each pod's interface, so that a result may tell it. */
export const SCRIPTED_MAC = '02:00:00:00:00:01'

export interface ScriptedPrimary {
  /** File name below `dir`, the plugin's type. */
  readonly type: string
  readonly hostIfName: string
  /** `address/prefix` of both ends, one pair for each family. */
  readonly addresses: readonly { readonly host: string; readonly pod: string }[]
  readonly result: string
}

/** Without duplicate address detection: a test does not wait for it. */
const add = (address: string, ifName: string): string =>
  `ip address add ${address} dev ${ifName}${address.includes(':') ? ' nodad' : ''}`

export function writeScriptedPrimary(dir: string, primary: ScriptedPrimary): void {
  const { type, hostIfName, addresses, result } = primary
  const lines = [
    '#!/bin/sh -e',
    'cat >/dev/null',
    'case "$CNI_COMMAND" in',
    'ADD)',
    `  ip link add ${hostIfName} type veth peer name "$CNI_IFNAME" address ${SCRIPTED_MAC} netns "$CNI_NETNS"`,
    `  ip link set ${hostIfName} up`,
    ...addresses.map(({ host }) => `  ${add(host, hostIfName)}`),
    '  nsenter --net="$CNI_NETNS" sh -e <<END',
    'ip link set $CNI_IFNAME up',
    ...addresses.map(({ pod }) => add(pod, '$CNI_IFNAME')),
    'END',
    `  cat <<'END'`,
    result,
    'END',
    '  ;;',
    `DEL) ip link del ${hostIfName} 2>/dev/null || true ;;`,
    'esac',
    '',
  ]
  const path = join(dir, type)
  writeFileSync(path, lines.join('\n'))
  chmodSync(path, 0o755)
}
