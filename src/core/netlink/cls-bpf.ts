/** The `bpf` classifier in direct-action mode (linux/pkt_cls.h, TCA_BPF_*): the program's result is the verdict. */
import { asText, asU32, find, text, u32 } from './attribute.js'
import type { Filter, FilterKey } from './filter.js'

const TCA_BPF_CLASSID = 3
const TCA_BPF_FD = 6
const TCA_BPF_NAME = 7
const TCA_BPF_FLAGS = 8
const TCA_BPF_ID = 11
const TCA_BPF_FLAG_ACT_DIRECT = 1

export interface BpfFilter {
  /** Ours to choose; the kernel gives it back, so that it tells which program is in force. */
  readonly name: string
  readonly isDirectAction: boolean
  /** Of the program, as `bpftool prog show id`. */
  readonly programId: number
  /** The program reads it as `skb->tc_classid`; 0 = none. */
  readonly classid: number
}

/** `tc filter replace dev DEV parent ffff: prio P protocol all handle H bpf direct-action object-pinned …` */
export function bpfFilter(key: FilterKey, programFd: number, name: string, classid = 0): Filter {
  return {
    ...key,
    kind: 'bpf',
    options: [
      ...(classid === 0 ? [] : [u32(TCA_BPF_CLASSID, classid)]),
      u32(TCA_BPF_FD, programFd),
      text(TCA_BPF_NAME, name),
      u32(TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT),
    ],
  }
}

/** null = a filter of another classifier, or a bpf instance without a program. */
export function decodeBpfFilter(filter: Filter): BpfFilter | null {
  const id = find(filter.options, TCA_BPF_ID)
  if (filter.kind !== 'bpf' || id === null) return null
  const name = find(filter.options, TCA_BPF_NAME)
  const flags = find(filter.options, TCA_BPF_FLAGS)
  const classid = find(filter.options, TCA_BPF_CLASSID)
  return {
    name: name === null ? '' : asText(name),
    isDirectAction: flags !== null && (asU32(flags) & TCA_BPF_FLAG_ACT_DIRECT) !== 0,
    programId: asU32(id),
    classid: classid === null ? 0 : asU32(classid),
  }
}
