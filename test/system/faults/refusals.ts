/** A batch of rtnetlink requests one of which is refused: NLMSG_ERROR in the kernel's stead. */
import { constants } from 'node:os'
import { HOST_LITTLE_ENDIAN, viewOf } from '../../../src/core/netlink/attribute.js'
import {
  joined,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_HDRLEN,
} from '../../../src/core/netlink/message.js'

/** linux/rtnetlink.h. */
const NAMES: Readonly<Record<number, string>> = {
  16: 'RTM_NEWLINK',
  17: 'RTM_DELLINK',
  18: 'RTM_GETLINK',
  19: 'RTM_SETLINK',
  20: 'RTM_NEWADDR',
  21: 'RTM_DELADDR',
  22: 'RTM_GETADDR',
  24: 'RTM_NEWROUTE',
  25: 'RTM_DELROUTE',
  26: 'RTM_GETROUTE',
  28: 'RTM_NEWNEIGH',
  30: 'RTM_GETNEIGH',
  36: 'RTM_NEWQDISC',
  44: 'RTM_NEWTFILTER',
  45: 'RTM_DELTFILTER',
  46: 'RTM_GETTFILTER',
  108: 'RTM_NEWLINKPROP',
  109: 'RTM_DELLINKPROP',
}
/** linux/netlink.h: the answer quotes the request's header alone. */
const NLM_F_CAPPED = 0x100

type Code = keyof typeof constants.errno

/** One refusal: `late` = done all the same; `torn` = a dump that says it was interrupted. */
export interface Refusal {
  readonly code: Code | 'torn'
  readonly when: 'before' | 'after'
  readonly why: string
}

const before = (code: Code, why: string): Refusal => ({ code, when: 'before', why })
/** Somebody else did it in that moment: the wish has come true, the answer is a refusal. */
const overtaken = (code: Code): Refusal => ({
  ...{ code, when: 'after' },
  why: 'another process did the same at the same moment',
})
const noBuffer = before('ENOBUFS', 'no socket buffer for the answer')
const noMemory = before('ENOMEM', 'kernel memory is short')
const notPermitted = before('EPERM', 'a security module, or CAP_NET_ADMIN was dropped')

const REFUSALS: Readonly<Record<string, readonly Refusal[]>> = {
  RTM_NEWLINK: [
    before('EEXIST', 'name or index was taken meanwhile'),
    before('EINVAL', 'the kernel is too old for an attribute'),
    notPermitted,
    noMemory,
  ],
  RTM_SETLINK: [
    before('EBUSY', 'a module holds the device'),
    before('EEXIST', 'the index was taken meanwhile'),
    before('EINVAL', 'the kernel is too old for an attribute'),
    before('ENODEV', 'the device was deleted meanwhile'),
    notPermitted,
    noMemory,
  ],
  RTM_DELLINK: [notPermitted, before('EBUSY', 'a module holds the device'), overtaken('ENODEV')],
  RTM_NEWADDR: [
    noBuffer,
    noMemory,
    notPermitted,
    before('EACCES', 'IPv6 is being switched off on the device'),
    overtaken('EEXIST'),
  ],
  RTM_DELADDR: [noBuffer, notPermitted, overtaken('EADDRNOTAVAIL')],
  RTM_NEWROUTE: [
    noBuffer,
    noMemory,
    before('ENETUNREACH', 'the route to its gateway is not there yet'),
    before('EINVAL', 'its source address is not there yet'),
    overtaken('EEXIST'),
  ],
  RTM_DELROUTE: [noBuffer, notPermitted, overtaken('ESRCH')],
  RTM_NEWNEIGH: [noBuffer, before('ENOBUFS', 'gc_thresh3: the table is full'), notPermitted],
  RTM_NEWQDISC: [noMemory, notPermitted, before('ENOENT', 'module sch_ingress is missing')],
  RTM_NEWTFILTER: [
    noMemory,
    before('ENOENT', 'module cls_bpf is missing'),
    before('EINVAL', 'the program is of another kind'),
    notPermitted,
  ],
  RTM_DELTFILTER: [noMemory, notPermitted, overtaken('ENOENT')],
  RTM_NEWLINKPROP: [before('EEXIST', 'the name was taken meanwhile'), noMemory],
  RTM_DELLINKPROP: [noMemory, notPermitted],
}
/** A question is refused for want of memory, or its dump torn. */
const OF_QUESTIONS: readonly Refusal[] = [
  noBuffer,
  noMemory,
  { code: 'torn', when: 'after', why: 'the table changed during the dump (NLM_F_DUMP_INTR)' },
]

interface Sent {
  readonly kind: string
  readonly flags: number
  readonly sequence: number
  readonly octets: Uint8Array
}

export function messagesOf(batch: Uint8Array): Sent[] {
  const view = viewOf(batch)
  const all: Sent[] = []
  for (let at = 0; batch.length - at >= NLMSG_HDRLEN; ) {
    const octets = (view.getUint32(at, HOST_LITTLE_ENDIAN) + 3) & ~3
    const type = view.getUint16(at + 4, HOST_LITTLE_ENDIAN)
    all.push({
      kind: NAMES[type] ?? `RTM_${type}`,
      flags: view.getUint16(at + 6, HOST_LITTLE_ENDIAN),
      sequence: view.getUint32(at + 8, HOST_LITTLE_ENDIAN),
      octets: batch.subarray(at, at + octets),
    })
    at += octets
  }
  return all
}

export function refusalsOf({ kind, flags }: Sent): readonly Refusal[] {
  if (!kind.startsWith('RTM_GET')) {
    const refusals = REFUSALS[kind]
    if (refusals === undefined) throw new Error(`no errno is known for ${kind}`)
    return refusals
  }
  const isDump = (flags & NLM_F_DUMP) === NLM_F_DUMP
  return OF_QUESTIONS.filter(({ code }) => isDump || code !== 'torn')
}

/** struct nlmsghdr, int error, struct nlmsghdr of the request. */
function refused(request: Sent, code: Code): Uint8Array {
  const answer = new Uint8Array(NLMSG_HDRLEN + 4 + NLMSG_HDRLEN)
  const view = viewOf(answer)
  view.setUint32(0, answer.length, HOST_LITTLE_ENDIAN)
  view.setUint16(4, NLMSG_ERROR, HOST_LITTLE_ENDIAN)
  view.setUint16(6, NLM_F_CAPPED, HOST_LITTLE_ENDIAN)
  view.setUint32(8, request.sequence, HOST_LITTLE_ENDIAN)
  view.setInt32(NLMSG_HDRLEN, -constants.errno[code], HOST_LITTLE_ENDIAN)
  answer.set(request.octets.subarray(0, NLMSG_HDRLEN), NLMSG_HDRLEN + 4)
  return answer
}

/** The answers with those to `sequence` changed: `change` gives null for one to leave out. */
function amended(
  answers: Uint8Array,
  sequence: number,
  change: (octets: Uint8Array) => Uint8Array | null,
): Uint8Array {
  const parts: Uint8Array[] = []
  const view = viewOf(answers)
  for (let at = 0; answers.length - at >= NLMSG_HDRLEN; ) {
    const octets = answers.slice(at, at + ((view.getUint32(at, HOST_LITTLE_ENDIAN) + 3) & ~3))
    const isIts = viewOf(octets).getUint32(8, HOST_LITTLE_ENDIAN) === sequence
    const kept = isIts ? change(octets) : octets
    if (kept !== null) parts.push(kept)
    at += octets.length
  }
  return joined(...parts)
}

function torn(octets: Uint8Array): Uint8Array {
  const view = viewOf(octets)
  const isEnd = view.getUint16(4, HOST_LITTLE_ENDIAN) === NLMSG_DONE
  if (!isEnd) view.setUint16(6, view.getUint16(6, HOST_LITTLE_ENDIAN) | NLM_F_DUMP_INTR, true)
  return octets
}

/** What the socket gives back when the `at`-th message of the batch meets that refusal. */
export function refuse(
  batch: Uint8Array,
  at: number,
  { code, when }: Refusal,
  request: (batch: Uint8Array) => Uint8Array,
): Uint8Array {
  const messages = messagesOf(batch)
  const target = messages[at]
  if (target === undefined) throw new RangeError(`no message ${at} in the batch`)
  if (code === 'torn') return amended(request(batch), target.sequence, torn)
  if (when === 'after') {
    const rest = amended(request(batch), target.sequence, () => null)
    return joined(rest, refused(target, code))
  }
  const others = messages.filter((message) => message !== target).map(({ octets }) => octets)
  const answers = others.length === 0 ? new Uint8Array() : request(joined(...others))
  return joined(answers, refused(target, code))
}
