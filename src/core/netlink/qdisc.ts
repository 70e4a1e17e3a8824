/** The `ingress` qdisc (linux/pkt_sched.h): where frames that a device received meet our filters. */
import { asText, encodeAttributes, find, text } from './attribute.js'
import {
  decodeTcAttributes,
  decodeTcMessage,
  encodeTcMessage,
  INGRESS_PARENT,
  TCA_KIND,
} from './filter.js'
import {
  joined,
  type Message,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_ECHO,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  type Request,
} from './message.js'

export const RTM_NEWQDISC = 36
export const RTM_DELQDISC = 37
export const RTM_GETQDISC = 38
/** #define TC_H_INGRESS (0xFFFFFFF1U), TC_H_CLSACT too: as a parent it names the hook, not a class. */
export const TC_H_INGRESS = 0xffff_fff1
/** TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS). */
export const TC_H_CLSACT_EGRESS = 0xffff_fff3
/** #define TC_H_ROOT (0xFFFFFFFFU): what a device sends goes through it. */
export const TC_H_ROOT = 0xffff_ffff

export interface Qdisc {
  readonly ifindex: number
  readonly handle: number
  /** TC_H_ROOT, TC_H_INGRESS, or a class of another qdisc. */
  readonly parent: number
  readonly kind: string
}

function request(type: number, flags: number, verb: string, qdisc: Qdisc): Request {
  const attributes = encodeAttributes([text(TCA_KIND, qdisc.kind)])
  return {
    type,
    flags: flags | NLM_F_ACK,
    payload: joined(encodeTcMessage({ ...qdisc, priority: 0, protocol: 0 }), attributes),
    subject: `${verb} ${qdisc.kind} of ifindex ${qdisc.ifindex}`,
  }
}

function ingress(type: number, flags: number, verb: string, ifindex: number): Request {
  const qdisc = { ifindex, handle: INGRESS_PARENT, parent: TC_H_INGRESS, kind: 'ingress' }
  return request(type, flags, verb, qdisc)
}

/** `tc qdisc replace dev DEV ingress`: filters of one that is there already stay. */
export function replaceIngress(ifindex: number): Request {
  return ingress(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, 'RTM_NEWQDISC', ifindex)
}

/** `tc qdisc add dev DEV clsact`: EEXIST where there is one; its filters are not touched. */
export function addClsact(ifindex: number): Request {
  const qdisc = { ifindex, handle: INGRESS_PARENT, parent: TC_H_INGRESS, kind: 'clsact' }
  return request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, 'RTM_NEWQDISC', qdisc)
}

/** Takes all its filters with it. */
export function deleteClsact(ifindex: number): Request {
  const qdisc = { ifindex, handle: INGRESS_PARENT, parent: TC_H_INGRESS, kind: 'clsact' }
  return request(RTM_DELQDISC, 0, 'RTM_DELQDISC', qdisc)
}

/** Takes all its filters with it. */
export function deleteIngress(ifindex: number): Request {
  return ingress(RTM_DELQDISC, 0, 'RTM_DELQDISC', ifindex)
}

/** As dumped. At the root the device's own default takes its place. */
export function deleteQdisc(qdisc: Qdisc): Request {
  return request(RTM_DELQDISC, 0, 'RTM_DELQDISC', qdisc)
}

/** Of all devices in the namespace. */
export function dumpQdiscs(): Request {
  const tc = { ifindex: 0, handle: 0, parent: 0, priority: 0, protocol: 0 }
  return {
    type: RTM_GETQDISC,
    flags: NLM_F_DUMP,
    payload: encodeTcMessage(tc),
    subject: 'RTM_GETQDISC',
  }
}

/**
 * What hangs at TC_H_ROOT or TC_H_INGRESS of one device; ENOENT or EINVAL where nothing does. The kernel tells
 * the answer to the multicast group, and to the asker only with NLM_F_ECHO.
 */
export function getQdisc(ifindex: number, parent: number): Request {
  const tc = { ifindex, handle: 0, parent, priority: 0, protocol: 0 }
  return {
    type: RTM_GETQDISC,
    flags: NLM_F_ACK | NLM_F_ECHO,
    payload: encodeTcMessage(tc),
    subject: `RTM_GETQDISC of ifindex ${ifindex}`,
  }
}

/** null = not a qdisc. */
export function decodeQdisc(message: Message): Qdisc | null {
  if (message.type !== RTM_NEWQDISC) return null
  const { ifindex, handle, parent } = decodeTcMessage(message.payload)
  const kind = find(decodeTcAttributes(message.payload), TCA_KIND)
  return { ifindex, handle, parent, kind: kind === null ? '' : asText(kind) }
}
