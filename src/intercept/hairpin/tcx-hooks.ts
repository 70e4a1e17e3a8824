/**
 * eth0's hooks where the kernel has them without a qdisc (since 6.6): nothing of the pod's device is
 * stopped for a moment, as a clsact stops it for a grace period. Each endpoint has programs of its own, whose
 * names say whose they are.
 */

import type { Instance } from '../../core/instance.js'
import { sha256Hex } from '../../core/sha256.js'
import type { BpfDriver } from '../bpf/driver.js'
import type { Drift } from '../driver.js'
import { type Os, OsError, type TcxProgram } from '../os.js'

export interface Eth0 {
  readonly os: Os
  readonly instance: Instance
  readonly netnsFd: number
  readonly ifindex: number
}

const HOOKS = [
  ['e', 'eth0_egress', true],
  ['i', 'eth0_ingress', false],
] as const
/** With the hook before them 15 characters (BPF_OBJ_NAME_LEN less its NUL). */
const INSTANCE_DIGITS = 4
const ID_DIGITS = 4
const BUILD_DIGITS = 6

const digest = (text: string, digits: number): string => sha256Hex(text).slice(0, digits)

const prefixOf = (hook: string, { name }: Instance): string => hook + digest(name, INSTANCE_DIGITS)

function nameOf(hook: string, instance: Instance, driver: BpfDriver, id: number): string {
  const hex = id.toString(16).padStart(ID_DIGITS, '0')
  return prefixOf(hook, instance) + hex + digest(driver.generation, BUILD_DIGITS)
}

function ownOn({ os, instance, netnsFd, ifindex }: Eth0, hook: string, isEgress: boolean) {
  const found = os.bpf.tcxPrograms(netnsFd, ifindex, isEgress)
  const prefix = prefixOf(hook, instance)
  const isFirst = found[0]?.name.startsWith(prefix) === true
  return { own: found.filter(({ name }) => name.startsWith(prefix)), isFirst }
}

export function hasTcx({ os, netnsFd, ifindex }: Eth0): boolean {
  try {
    os.bpf.tcxPrograms(netnsFd, ifindex, true)
    return true
  } catch (error) {
    if (error instanceof OsError && error.code === 'EINVAL') return false
    throw error
  }
}

/** One that stands is replaced in one step; where another has come before it, it goes before that. */
export function ensureTcx(eth0: Eth0, driver: BpfDriver, id: number): void {
  const { os, instance, netnsFd, ifindex } = eth0
  for (const [hook, program, isEgress] of HOOKS) {
    const name = nameOf(hook, instance, driver, id)
    const { own, isFirst } = ownOn(eth0, hook, isEgress)
    if (isFirst && own.length === 1 && own[0]?.name === name) continue
    const fd = driver.loadForClass(program, name, id)
    try {
      const replaced = isFirst ? own[0] : undefined
      os.bpf.tcxAttach(netnsFd, ifindex, isEgress, fd, replaced?.id ?? 0)
      const rest = own.filter((other) => other !== replaced)
      for (const other of rest) os.bpf.tcxDetach(netnsFd, ifindex, isEgress, other.id)
    } finally {
      os.close(fd)
    }
  }
}

export function removeTcx(eth0: Eth0): void {
  if (!hasTcx(eth0)) return
  const { os, netnsFd, ifindex } = eth0
  for (const [hook, , isEgress] of HOOKS) {
    for (const { id } of ownOn(eth0, hook, isEgress).own) {
      os.bpf.tcxDetach(netnsFd, ifindex, isEgress, id)
    }
  }
}

const textOf = (programs: readonly TcxProgram[]): string =>
  programs.map(({ name }) => name).join(', ') || 'none'

export function driftOfTcx(eth0: Eth0, driver: BpfDriver, id: number, ifName: string): Drift[] {
  return HOOKS.flatMap(([hook, program, isEgress]): Drift[] => {
    const want = nameOf(hook, eth0.instance, driver, id)
    const { own, isFirst } = ownOn(eth0, hook, isEgress)
    const have = isFirst ? textOf(own) : `${textOf(own)}, not first`
    const subject = `${program} on ${ifName}`
    return have === want ? [] : [{ what: 'filter', subject, want, have }]
  })
}
