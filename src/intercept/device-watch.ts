/**
 * The devices of a namespace as last seen, read again where the kernel told of a change: what a look costs
 * does not grow with what has stayed as it was.
 */
import type { FoundFilter } from '../core/netlink/filter.js'
import { decodeLink, type Link } from '../core/netlink/link.js'
import { getLinkByIndex } from '../core/netlink/link-request.js'
import { RTNLGRP_LINK, RTNLGRP_TC, touchedDevices } from '../core/netlink/notification.js'
import {
  decodeQdisc,
  getQdisc,
  type Qdisc,
  TC_H_INGRESS,
  TC_H_ROOT,
} from '../core/netlink/qdisc.js'
import { type Devices, readDevices, readFilters } from './devices.js'
import type { Enforcer } from './driver.js'
import { NETLINK_ROUTE } from './enforcer.js'
import type { Os } from './os.js'
import { apply } from './rtnetlink.js'

const GONE = { accept: ['ENOENT', 'EINVAL', 'ENODEV'] }

const isSome = <T>(value: T | null): value is T => value !== null

interface Seen {
  readonly link: Link | null
  readonly qdiscs: readonly Qdisc[]
}

export class DeviceWatch implements Devices {
  readonly #os: Os
  /** Reading through a socket of its own: the answer to a GET of a qdisc is told to all. */
  readonly #readFd: number
  readonly #heardFd: number
  readonly #seen = new Map<number, Seen>()
  readonly #filters = new Map<number, readonly FoundFilter[]>()
  #portId: number | null = null
  #hasAll = false

  constructor(os: Os, { netnsFd }: Enforcer) {
    this.#os = os
    this.#heardFd = os.netlinkSubscribe(netnsFd, NETLINK_ROUTE, [RTNLGRP_LINK, RTNLGRP_TC])
    this.#readFd = os.netlinkOpen(netnsFd, NETLINK_ROUTE)
  }

  /** The devices that something happened to since the call before; null = any may have changed. */
  refresh(): ReadonlySet<number> | null {
    const heard = this.#os.netlinkDrain(this.#heardFd)
    if (heard === null || !this.#hasAll) {
      this.#readAll()
      return null
    }
    const touched = touchedDevices(heard, this.#portId)
    for (const ifindex of touched) this.forget(ifindex)
    return touched
  }

  /** Read again when next asked for. */
  forget(ifindex: number): void {
    this.#seen.delete(ifindex)
    this.#filters.delete(ifindex)
  }

  link(ifindex: number): Link | null {
    return this.#of(ifindex).link
  }

  qdiscs(ifindex: number): readonly Qdisc[] {
    return this.#of(ifindex).qdiscs
  }

  filters(ifindex: number): readonly FoundFilter[] {
    const known = this.#filters.get(ifindex)
    if (known !== undefined) return known
    const filters = readFilters(this.#os, this.#readFd, ifindex)
    this.#filters.set(ifindex, filters)
    return filters
  }

  close(): void {
    this.#os.close(this.#heardFd)
    this.#os.close(this.#readFd)
  }

  #of(ifindex: number): Seen {
    const known = this.#seen.get(ifindex)
    if (known !== undefined) return known
    const seen = this.#read(ifindex)
    this.#seen.set(ifindex, seen)
    return seen
  }

  #read(ifindex: number): Seen {
    const messages = apply(this.#os, this.#readFd, [getLinkByIndex(ifindex)], GONE)
    this.#portId = messages[0]?.portId ?? this.#portId
    const link = messages.map(decodeLink).find(isSome) ?? null
    if (link === null) return { link, qdiscs: [] }
    const requests = [TC_H_ROOT, TC_H_INGRESS].map((parent) => getQdisc(ifindex, parent))
    const qdiscs = apply(this.#os, this.#readFd, requests, GONE).map(decodeQdisc).filter(isSome)
    return { link, qdiscs }
  }

  #readAll(): void {
    this.#seen.clear()
    this.#filters.clear()
    const devices = readDevices(this.#os, this.#readFd)
    for (const link of devices.links()) {
      this.#seen.set(link.ifindex, { link, qdiscs: devices.qdiscs(link.ifindex) })
    }
    this.#hasAll = true
  }
}
