/** The instance's maps by their pins, as another program would open them. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { encodeKey, NO_ENDPOINT } from '../../../src/core/bpf/maps.js'
import type { EndpointRecord } from '../../../src/core/endpoint.js'
import { os } from '../../../src/intercept/addon.js'
import { listRecords } from '../../../src/intercept/endpoint-records.js'
import type { Node } from '../../node.js'

const ENDPOINT_OCTETS = NO_ENDPOINT.length

export function pinFolder({ instance }: Node, prefix: 'maps-' | 'programs-'): string {
  const name = readdirSync(instance.bpffsDir).find((folder) => folder.startsWith(prefix))
  if (name === undefined) throw new Error(`nothing pinned in ${instance.bpffsDir}`)
  return join(instance.bpffsDir, name)
}

export function mapFd(node: Node, map: string): number {
  const fd = os.bpf.get(join(pinFolder(node, 'maps-'), map))
  if (fd === null) throw new Error(`map ${map} is not pinned`)
  return fd
}

export function withMap(node: Node, map: string, use: (fd: number) => void): void {
  const fd = mapFd(node, map)
  try {
    use(fd)
  } finally {
    os.close(fd)
  }
}

export function setEntry(node: Node, map: string, key: number, octets: readonly number[]): void {
  withMap(node, map, (fd) => os.bpf.mapUpdate(fd, encodeKey(key), Uint8Array.from(octets), 0))
}

/** Changes one octet of an endpoint's entry. */
export function changeOctet(
  node: Node,
  id: number,
  at: number,
  change: (octet: number) => number,
): void {
  withMap(node, 'endpoints', (fd) => {
    const entry = os.bpf.mapLookup(fd, encodeKey(id), ENDPOINT_OCTETS)
    if (entry === null) throw new Error(`no endpoint ${id}`)
    entry[at] = change(entry[at] ?? 0)
    os.bpf.mapUpdate(fd, encodeKey(id), entry, 0)
  })
}

export function recordOf({ instance }: Node, containerID: string): EndpointRecord {
  const warn = (message: string): void => console.error(message)
  const record = listRecords(instance, warn).find((r) => r.containerID === containerID)
  if (record === undefined) throw new Error(`no record of ${containerID}`)
  return record
}
