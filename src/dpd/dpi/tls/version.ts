/** ProtocolVersion (RFC 8446 §4.1.2, RFC 5246 E.1); GREASE and drafts are no versions (RFC 8701). */
const NAMES: ReadonlyMap<number, string> = new Map([
  [0x0300, 'SSL 3.0'],
  [0x0301, '1.0'],
  [0x0302, '1.1'],
  [0x0303, '1.2'],
  [0x0304, '1.3'],
])
export const TLS_1_3 = 0x0304
const TLS_1_2 = 0x0303

export const versionName = (version: number): string =>
  NAMES.get(version) ?? `0x${version.toString(16).padStart(4, '0')}`

/** The highest of those that have a name; `legacy` where none has. */
export function highestVersion(offered: readonly number[], legacy: number): number {
  const known = offered.filter((version) => NAMES.has(version))
  return known.length > 0 ? Math.max(...known) : legacy
}

/** What a server may choose at most: without supported_versions TLS 1.2, whatever is above (RFC 8446 §4.2.1). */
export const choosable = (highest: number, offered: readonly number[]): number =>
  offered.includes(highest) ? highest : Math.min(highest, TLS_1_2)

/** A server that knows no supported_versions is told another version than one that does (RFC 8446 §4.1.2). */
export const isVersionDoubtful = (highest: number, legacy: number): boolean =>
  Math.min(highest, TLS_1_2) !== Math.min(legacy, TLS_1_2)
