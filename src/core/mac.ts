/** EUI-48 addresses as text, `aa:bb:cc:dd:ee:ff`, and as the six octets of a frame or an attribute. */
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i

export function parseMac(text: string): Uint8Array {
  if (!MAC.test(text)) {
    throw new RangeError(`MAC address ${JSON.stringify(text)}: write it as aa:bb:cc:dd:ee:ff`)
  }
  return Uint8Array.from(text.split(':'), (octet) => Number.parseInt(octet, 16))
}

export function formatMac(octets: Uint8Array): string {
  return Array.from(octets.subarray(0, 6), (octet) => octet.toString(16).padStart(2, '0')).join(':')
}
