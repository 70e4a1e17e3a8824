/** `uname -r`, e.g. `6.1.0-18-amd64`: which kernel this is, where trying can't tell. */
export type KernelVersion = readonly [major: number, minor: number]

export function isReleaseSince(release: string, [major, minor]: KernelVersion): boolean {
  const [haveMajor = 0, haveMinor = 0] = release.split('.').map((part) => Number.parseInt(part, 10))
  return haveMajor > major || (haveMajor === major && haveMinor >= minor)
}
