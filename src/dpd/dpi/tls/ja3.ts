/** JA3 of a ClientHello: MD5 of its legacy version, ciphers, extensions, groups and point formats, in wire order. */
import { md5Hex } from '../../../core/md5.js'
import { withoutGrease } from './grease.js'
import type { ClientHello } from './hello.js'

export function ja3({ legacyVersion, ciphers, extensions }: ClientHello): string {
  const lists = [ciphers, extensions.types, extensions.groups ?? []]
  const points = extensions.pointFormats ?? []
  const text = [legacyVersion, ...lists.map((values) => withoutGrease(values).join('-'))]
  return md5Hex(`${text.join(',')},${points.join('-')}`)
}
