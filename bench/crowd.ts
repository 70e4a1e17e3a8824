/** Pods that only have to be there: interfaces made and attached without a runtime's programs. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { os } from '../src/intercept/addon.js'
import type { InterceptContext } from '../src/intercept/context.js'
import { chooseDriver } from '../src/intercept/drivers.js'
import { attach } from '../src/intercept/swap.js'
import type { Node } from '../test/node.js'

/** ip-netns(8) and ip-link(8), many at once: to start it takes longer than what it does. */
function ip(commands: readonly string[], ...options: readonly string[]): void {
  const input = commands.join('\n')
  execFileSync('ip', [...options, '-batch', '-'], { input, stdio: ['pipe', 'ignore', 'pipe'] })
}

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
    const news = Array.from({ length: size - this.#size }, (_, i) => this.#size + i)
    ip(news.map((at) => `netns add ${this.#name(at)}`))
    this.#size = Math.max(this.#size, size)
    const links = news.flatMap((at) => [
      `link add crowd${at} type veth peer eth0 netns ${this.#name(at)}`,
      `link set crowd${at} up`,
    ])
    ip(links, '-n', this.node.netns)
    for (const at of news) this.#attach(at)
  }

  close(): void {
    ip(Array.from({ length: this.#size }, (_, at) => `netns del ${this.#name(at)}`))
    this.#context.driver.close()
  }

  #name(at: number): string {
    return `${this.node.instance.name}-crowd${at}`
  }

  #attach(at: number): void {
    const netns = this.#name(at)
    const address = `addr add 10.78.${at >> 8}.${at & 0xff}/16 dev eth0`
    ip([address, 'link set eth0 up'], '-n', netns)
    attach(this.#context, {
      ...{ containerID: netns, ifName: 'eth0', network: 'crowd', netns: `/run/netns/${netns}` },
      ...{ namespace: 'default', pod: netns, podUid: null, failure: 'open' },
    })
  }
}
