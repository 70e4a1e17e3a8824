/** What an instance's pinned maps hold of endpoints. */
import { decodeEndpoint, decodeKey, encodeKey, NO_ENDPOINT } from '../../src/core/bpf/maps.js'
import { ENDPOINT_ID_MAX, type Instance } from '../../src/core/instance.js'
import { os } from '../../src/intercept/addon.js'
import { load } from '../../src/intercept/bpf/loader.js'

export interface BpfEntries {
  readonly endpoints: readonly number[]
  readonly devices: readonly number[]
}

export function bpfEntries(instance: Instance): BpfEntries {
  const loaded = load(os, instance.bpffsDir)
  try {
    const ids = Array.from({ length: ENDPOINT_ID_MAX }, (_, at) => at + 1)
    const isSet = (id: number): boolean => {
      const value = os.bpf.mapLookup(loaded.mapFd('endpoints'), encodeKey(id), NO_ENDPOINT.length)
      return value !== null && decodeEndpoint(value) !== null
    }
    const devices = os.bpf.mapKeys(loaded.mapFd('devices'), 4).map(decodeKey)
    return { endpoints: ids.filter(isSet), devices }
  } finally {
    loaded.close()
  }
}
