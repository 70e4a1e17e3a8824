/** ProtocolVersion (RFC 8446 §4.1.2, RFC 5246 E.1); GREASE and drafts are no versions (RFC 8701). */
const NAMES: ReadonlyMap<number, string> = new Map([
  [0x0300, 'SSL 3.0'],
  [0x0301, '1.0'],
  [0x0302, '1.1'],
  [0x0303, '1.2'],
  [0x0304, '1.3'],
])
export const TLS_1_3 = 0x0304

export const versionName = (version: number): string =>
  NAMES.get(version) ?? `0x${version.toString(16).padStart(4, '0')}`

/** The highest of those that have a name; `legacy` where none has. */
export function highestVersion(offered: readonly number[], legacy: number): number {
  const known = offered.filter((version) => NAMES.has(version))
  return known.length > 0 ? Math.max(...known) : legacy
}
