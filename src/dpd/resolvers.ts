/** The node's DNS servers: also those of pods that say nothing else. */
import { readFileSync } from 'node:fs'
import { readAddress } from '../core/address.js'

const RESOLV_CONF = '/etc/resolv.conf'

/** Loopback ones answer nobody but the node itself. */
export function resolversIn(text: string): string[] {
  return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)]
    .map(([, server = '']) => server)
    .filter((server) => readAddress(server) !== null && !/^127\.|^::1$/.test(server))
}

export function nodeResolvers(): string[] {
  try {
    return resolversIn(readFileSync(RESOLV_CONF, 'utf8'))
  } catch {
    return []
  }
}
