/** What the kernel program counts: frames by cause, and of each flow that it carries. */
import { readFileSync } from 'node:fs'
import {
  decodeFlowEntry,
  encodeFlowKey,
  FLOW_OCTETS,
  type FlowEntry,
  type FlowKey,
} from '../../core/bpf/flow-map.js'
import { CAUSE_NAMES, encodeKey, sumPerCpu } from '../../core/bpf/maps.js'
import type { Os } from '../os.js'
import type { Loaded } from './loader.js'

/** /sys/devices/system/cpu/possible is `0` or `0-N`: a per-CPU value has a slot for each. */
function possibleCpus(): number {
  const text = readFileSync('/sys/devices/system/cpu/possible', 'utf8').trim()
  return Number(text.split(/[,-]/).at(-1)) + 1
}

export function framesByCause(os: Os, loaded: Loaded): Readonly<Record<string, number>> {
  const fd = loaded.mapFd('counters')
  const octets = 8 * possibleCpus()
  return Object.fromEntries(
    CAUSE_NAMES.map((cause, index) => {
      const value = os.bpf.mapLookup(fd, encodeKey(index), octets)
      return [cause, value === null ? 0 : sumPerCpu(value)]
    }),
  )
}

export function carriedOf(os: Os, loaded: Loaded, flow: FlowKey): FlowEntry | null {
  const value = os.bpf.mapLookup(loaded.mapFd('flows'), encodeFlowKey(flow), FLOW_OCTETS)
  return value === null ? null : decodeFlowEntry(value)
}
