/** Pods that only have to be there: interfaces made and attached without a runtime's programs. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { os } from '../src/intercept/addon.js'
import type { InterceptContext } from '../src/intercept/context.js'
import { chooseDriver } from '../src/intercept/drivers.js'
import { attach } from '../src/intercept/swap.js'
import type { Node } from '../test/node.js'

const ip = (...args: string[]): string =>
  execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

export class Crowd {
  readonly #context: InterceptContext
  #size = 0

  constructor(private readonly node: Node) {
    const { instance } = node
    this.#context = {
      os,
      instance,
      ...chooseDriver(os, instance, 'auto'),
      bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim(),
      now: () => new Date().toISOString(),
      warn: (message) => console.error(message),
    }
  }

  grow(size: number): void {
    for (; this.#size < size; this.#size++) this.#add(this.#size)
  }

  close(): void {
    for (let at = 0; at < this.#size; at++) ip('netns', 'del', this.#name(at))
    this.#context.driver.close()
  }

  #name(at: number): string {
    return `${this.node.instance.name}-crowd${at}`
  }

  #add(at: number): void {
    const netns = this.#name(at)
    ip('netns', 'add', netns)
    const host = `crowd${at}`
    const inNode = ['-n', this.node.netns]
    ip(...inNode, 'link', 'add', host, 'type', 'veth', 'peer', 'eth0', 'netns', netns)
    ip(...inNode, 'link', 'set', host, 'up')
    ip('-n', netns, 'addr', 'add', `10.78.${at >> 8}.${at & 0xff}/16`, 'dev', 'eth0')
    ip('-n', netns, 'link', 'set', 'eth0', 'up')
    attach(this.#context, {
      ...{ containerID: netns, ifName: 'eth0', network: 'crowd', netns: `/run/netns/${netns}` },
      ...{ namespace: 'default', pod: netns, podUid: null, failure: 'open' },
    })
  }
}
