/** Which endpoints' map entries somebody changed since the last look: maps send no notifications. */
import { decodeDeviceId, NO_ENDPOINT } from '../../core/bpf/maps.js'
import type { Os } from '../os.js'
import type { Loaded } from './loader.js'

type Entries = ReturnType<Os['bpf']['mapEntries']>

const NONE: Entries = { keys: new Uint8Array(), values: new Uint8Array() }
const DEVICE_OCTETS = 4
const KEY_OCTETS = 4

const isSame = (a: Entries, b: Entries): boolean =>
  Buffer.compare(a.keys, b.keys) === 0 && Buffer.compare(a.values, b.values) === 0

/** An array's values lie at their keys. */
function changedIds(old: Uint8Array, now: Uint8Array): number[] {
  const octets = NO_ENDPOINT.length
  const ids: number[] = []
  for (let id = 0, at = 0; at < now.length; id++, at += octets) {
    if (Buffer.compare(old.subarray(at, at + octets), now.subarray(at, at + octets)) !== 0)
      ids.push(id)
  }
  return ids
}

/** `ifindex value`, each a device. */
function devicesOf({ keys, values }: Entries): Map<string, number> {
  const devices = new Map<string, number>()
  for (let at = 0, key = 0; at < values.length; at += DEVICE_OCTETS, key += KEY_OCTETS) {
    const value = values.subarray(at, at + DEVICE_OCTETS)
    const name = Buffer.from(keys.subarray(key, key + KEY_OCTETS)).toString('hex')
    devices.set(`${name} ${Buffer.from(value).toString('hex')}`, decodeDeviceId(value))
  }
  return devices
}

export class EntryChanges {
  #endpoints = NONE
  #devices = NONE

  /** Endpoint ids. */
  since(os: Os, loaded: Loaded): number[] {
    const endpoints = os.bpf.mapEntries(loaded.mapFd('endpoints'))
    const devices = os.bpf.mapEntries(loaded.mapFd('devices'))
    const before = { endpoints: this.#endpoints, devices: this.#devices }
    this.#endpoints = endpoints
    this.#devices = devices
    const ids = isSame(before.endpoints, endpoints)
      ? []
      : changedIds(before.endpoints.values, endpoints.values)
    if (isSame(before.devices, devices)) return ids
    const [old, now] = [devicesOf(before.devices), devicesOf(devices)]
    const gone = [...old].filter(([entry]) => !now.has(entry))
    const come = [...now].filter(([entry]) => !old.has(entry))
    return [...ids, ...[...gone, ...come].map(([, id]) => id)]
  }
}
