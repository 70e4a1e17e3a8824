import t from 'tap'
import { isReleaseSince } from '../../src/core/kernel-release.js'

const CASES = [
  ['6.1.0-56-amd64', [5, 13], true],
  ['6.1.0-56-amd64', [6, 1], true],
  ['6.1.0-56-amd64', [6, 2], false],
  ['5.4.0', [5, 13], false],
  ['6.18+', [6, 8], true],
  ['10.0', [6, 8], true],
  ['unknown', [5, 13], false],
] as const

for (const [release, version, want] of CASES) {
  t.equal(isReleaseSince(release, version), want, `${release} since ${version.join('.')}`)
}
