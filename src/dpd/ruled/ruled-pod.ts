/** One endpoint that is attached by rules: its pod's namespace held open, its queue, and what its tables say. */
import { closeSync } from 'node:fs'
import type { EndpointRecord } from '../../core/endpoint.js'
import type { Instance } from '../../core/instance.js'
import { decodeRulesetGeneration, getRulesetGeneration } from '../../core/netlink/nftables.js'
import { endpointChain, type RuledPath, readRuledPath } from '../../core/xtables/pod-chains.js'
import { installText, pathText } from '../../core/xtables/pod-tables.js'
import type { Drift } from '../../intercept/driver.js'
import { NETLINK_ROUTE } from '../../intercept/enforcer.js'
import { openNetns } from '../../intercept/netns.js'
import { chainNamesOf, driftOfRules, ruledInterface } from '../../intercept/nfqueue/rules.js'
import {
  type Family,
  families,
  readTablesAside,
  writeTablesAside,
} from '../../intercept/nfqueue/xtables.js'
import type { Os } from '../../intercept/os.js'
import { readLink } from '../../intercept/pod-state.js'
import { apply } from '../../intercept/rtnetlink.js'
import type { PacketQueues } from '../engine/engine.js'

/** linux/netlink.h */
const NETLINK_NETFILTER = 12

export interface RuledParts {
  readonly os: Os
  readonly instance: Instance
  readonly queues: PacketQueues
}

export class RuledPod {
  #isQueueOpen = false
  /** Whether the chains stand as they were written last, so that the path alone can be replaced. */
  #areChainsOurs = false
  #isNfTables = false
  readonly #netfilterFd: number

  private constructor(
    private readonly parts: RuledParts,
    readonly record: EndpointRecord,
    private readonly netnsFd: number,
  ) {
    this.#netfilterFd = parts.os.netlinkOpen(netnsFd, NETLINK_NETFILTER)
  }

  /** Throws where the record's path leads to no namespace, or to another by now. */
  static open(parts: RuledParts, record: EndpointRecord): RuledPod {
    const netns = openNetns(record.netns)
    if (netns === null) throw new Error(`${record.netns} is no network namespace any more`)
    try {
      if (netns.identity !== record.netnsInode) throw new Error(`${record.netns} is another pod's`)
      return new RuledPod(parts, record, netns.fd)
    } catch (error) {
      closeSync(netns.fd)
      throw error
    }
  }

  /** The mark that the rules of an earlier dpd look for; 0 = none. */
  async readMark(): Promise<number> {
    const of = ruledInterface(this.record)
    const chain = endpointChain(chainNamesOf(this.parts.instance), this.record.id)
    const saved = await readTablesAside(this.netnsFd, 'ipv4')
    return readRuledPath(of, saved.mangle.chains.get(chain) ?? [])?.mark ?? 0
  }

  /** As `set`, and the rest of the chains too. */
  reset(setting: RuledPath): Promise<void> {
    this.#areChainsOurs = false
    return this.set(setting)
  }

  /** The queue is there before rules lead to it, and goes after them. */
  async set(setting: RuledPath): Promise<void> {
    const { queues } = this.parts
    const { id } = this.record
    const isQueued = setting.path === 'tap' || setting.path === 'inline'
    if (isQueued) await this.#openQueue(setting)
    if (this.#areChainsOurs) await this.#writePath(setting)
    else await this.#install(setting)
    if (!isQueued && this.#isQueueOpen) {
      await queues.closeQueue(id)
      this.#isQueueOpen = false
    }
  }

  async drift(setting: RuledPath): Promise<Drift[]> {
    const { instance } = this.parts
    const found: Drift[] = []
    for (const family of families()) {
      const saved = await readTablesAside(this.netnsFd, family)
      this.#isNfTables = saved.isNfTables
      found.push(...driftOfRules(instance, this.record, family, saved, setting))
    }
    return found
  }

  /** Changes with every transaction in the namespace; null = nothing tells: the back end is the legacy one. */
  rulesetGeneration(): number | null {
    if (!this.#isNfTables) return null
    try {
      const messages = apply(this.parts.os, this.#netfilterFd, [getRulesetGeneration()])
      return messages.map(decodeRulesetGeneration).find((id) => id !== null) ?? null
    } catch {
      return null
    }
  }

  async close(): Promise<void> {
    try {
      if (this.#isQueueOpen) await this.parts.queues.closeQueue(this.record.id)
    } finally {
      this.#isQueueOpen = false
      this.parts.os.close(this.#netfilterFd)
      closeSync(this.netnsFd)
    }
  }

  /** From what the tables say now. */
  async #install(setting: RuledPath): Promise<void> {
    const names = chainNamesOf(this.parts.instance)
    const of = ruledInterface(this.record)
    const install = async (family: Family): Promise<void> => {
      const saved = await readTablesAside(this.netnsFd, family)
      await writeTablesAside(this.netnsFd, family, installText(saved, names, of, setting))
    }
    await Promise.all(families().map(install))
    this.#areChainsOurs = true
  }

  async #writePath(setting: RuledPath): Promise<void> {
    const text = pathText(chainNamesOf(this.parts.instance), ruledInterface(this.record), setting)
    await Promise.all(families().map((family) => writeTablesAside(this.netnsFd, family, text)))
  }

  async #openQueue({ path, failure, mark }: RuledPath): Promise<void> {
    const { queues } = this.parts
    const { id } = this.record
    const failOpen = path === 'tap' || failure === 'open'
    if (this.#isQueueOpen) await queues.setQueueFailOpen(id, failOpen)
    else {
      const { ifindex, mtuOctets } = this.#link()
      const { isLoopback } = ruledInterface(this.record)
      const { netnsFd } = this
      const queue = { id, netnsFd, queue: id, ifindex, mtuOctets, failOpen, isLoopback }
      await queues.openQueue(queue)
      this.#isQueueOpen = true
    }
    await queues.setQueueMark(id, mark)
  }

  #link() {
    const { os } = this.parts
    const { ifName, netns } = this.record
    const netlinkFd = os.netlinkOpen(this.netnsFd, NETLINK_ROUTE)
    try {
      const link = readLink(os, netlinkFd, ifName)
      if (link === null) throw new Error(`${ifName} is not in ${netns} any more`)
      return link
    } finally {
      os.close(netlinkFd)
    }
  }
}
