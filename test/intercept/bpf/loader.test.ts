// Pins in the real bpffs, of an instance of the test's own.
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { encodeDevice, encodeKey } from '../../../src/core/bpf/maps.js'
import { instanceOf } from '../../../src/core/instance.js'
import { os } from '../../../src/intercept/addon.js'
import { load, unpin, unpinOtherVersions } from '../../../src/intercept/bpf/loader.js'
import {
  MAPS,
  MAPS_VERSION,
  PROGRAM_VERSION,
  PROGRAMS,
} from '../../../src/intercept/bpf/program.generated.js'
import { uniqueName } from '../../netns.js'

const DIR = instanceOf(uniqueName('vd-load-')).bpffsDir
t.teardown(() => unpin(DIR))

t.test('whoever comes second opens what the first has pinned', (t) => {
  const first = load(os, DIR)
  const second = load(os, DIR)
  os.bpf.mapUpdate(first.mapFd('devices'), encodeKey(7), encodeDevice(1, 'vin'), 0)
  first.close()
  t.same(os.bpf.mapLookup(second.mapFd('devices'), encodeKey(7), 4), encodeDevice(1, 'vin'))
  second.close()
  t.same(readdirSync(DIR).sort(), [`maps-${MAPS_VERSION}`, `programs-${PROGRAM_VERSION}`])
  t.same(readdirSync(join(DIR, `maps-${MAPS_VERSION}`)).sort(), MAPS.map((m) => m.name).sort())
  const programs = readdirSync(join(DIR, `programs-${PROGRAM_VERSION}`)).sort()
  t.same(programs, PROGRAMS.map((p) => p.name).sort())
  t.end()
})

t.test('a loader that died half-way is gone on with', (t) => {
  unpin(DIR)
  mkdirSync(join(DIR, `maps-${MAPS_VERSION}`), { recursive: true })
  const [spec] = MAPS
  const fd = os.bpf.mapCreate(spec)
  os.bpf.pin(fd, join(DIR, `maps-${MAPS_VERSION}`, spec.name))
  os.bpf.mapUpdate(fd, encodeKey(9), encodeDevice(2, 'vex'), 0)
  os.close(fd)
  const loaded = load(os, DIR)
  t.same(os.bpf.mapLookup(loaded.mapFd('devices'), encodeKey(9), 4), encodeDevice(2, 'vex'))
  loaded.close()
  t.end()
})

t.test('pins of other versions go, ours stay', (t) => {
  const loaded = load(os, DIR)
  const old = join(DIR, 'programs-000000000000')
  mkdirSync(old)
  os.bpf.pin(loaded.programFd('vth_ingress'), join(old, 'vth_ingress'))
  unpinOtherVersions(DIR)
  t.notOk(existsSync(old))
  t.ok(existsSync(join(DIR, `programs-${PROGRAM_VERSION}`)))
  loaded.close()
  t.end()
})

t.test('unpin of the absent succeeds', (t) => {
  unpin(DIR)
  unpin(DIR)
  t.notOk(existsSync(DIR))
  t.end()
})
