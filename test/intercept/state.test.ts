/** Records, ids and state files on disk. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { ENDPOINT_RECORD_SCHEMA, type EndpointRecord } from '../../src/core/endpoint.js'
import { ENDPOINT_ID_MAX, type Instance, instanceOf } from '../../src/core/instance.js'
import { allocateId, nextAllotment, nextFreeId } from '../../src/intercept/endpoint-id.js'
import {
  keyHash,
  listRecords,
  readRecord,
  recordPath,
  removeRecord,
  writeRecord,
} from '../../src/intercept/endpoint-records.js'
import { linkAlias, vexName, vinName } from '../../src/intercept/link-names.js'
import { readStateFile, writeBootFile, writeStateFile } from '../../src/intercept/state-file.js'

function testInstance(t: Test): Instance {
  const dir = mkdtempSync(join(tmpdir(), 'vethwall-state-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return {
    ...instanceOf('state-test'),
    runDir: dir,
    endpointsDir: join(dir, 'endpoints'),
    endpointsSpareDir: join(dir, 'spare'),
    journalDir: join(dir, 'journal'),
  }
}

const recordOf = (id: number, containerID = 'c'): EndpointRecord => ({
  ...{ schema: ENDPOINT_RECORD_SCHEMA, bootId: 'b', id, containerID, ifName: 'eth0' },
  ...{ network: 'n', netns: '/run/netns/x', netnsInode: '4:1', namespace: 'default' },
  ...{ pod: 'web', podUid: null, driver: 'bpf', addresses: ['10.0.0.2/24'], failure: 'open' },
  ...{ why: '', attachment: 'swap' },
  links: {
    ...{ mac: '02:00:00:00:00:01', mtuOctets: 1500, podIfindex: 2, vinName: 'vin-1' },
    ...{ vinIfindex: 7, vexName: 'vex-1', vexIfindex: 10_100_001, hostIfindex: 7 },
    peerIndexLost: false,
  },
  createdAt: '2026-01-01T00:00:00.000Z',
})

t.test('a record is written, listed, read and removed', async (t) => {
  const instance = testInstance(t)
  const record = recordOf(1)
  t.equal(readRecord(instance, record, t.fail.bind(t)), null)
  t.strictSame(listRecords(instance, t.fail.bind(t)), [])
  writeRecord(instance, record)
  t.strictSame(readRecord(instance, record, t.fail.bind(t)), record)
  t.strictSame(listRecords(instance, t.fail.bind(t)), [record])
  removeRecord(instance, record)
  removeRecord(instance, record)
  t.strictSame(listRecords(instance, t.fail.bind(t)), [])
})

t.test('a file that could not be written leaves no half of one', async (t) => {
  const { endpointsDir } = testInstance(t)
  const path = join(endpointsDir, 'taken')
  mkdirSync(path, { recursive: true })
  t.throws(() => writeBootFile(path, 'text'), { code: 'EISDIR' })
  t.throws(() => writeStateFile(path, 'text'), { code: 'EISDIR' })
  t.strictSame(readdirSync(endpointsDir), ['taken'])
})

t.test('what a killed writer left of a record goes with the record', async (t) => {
  const instance = testInstance(t)
  writeRecord(instance, recordOf(1))
  for (const dir of [instance.endpointsDir, instance.endpointsSpareDir]) {
    writeFileSync(join(dir, `${keyHash(recordOf(1))}.json.new`), '{"schema"')
  }
  t.strictSame(listRecords(instance, t.fail.bind(t)), [recordOf(1)])
  removeRecord(instance, recordOf(1))
  t.strictSame(readdirSync(instance.endpointsDir), [])
  t.strictSame(readdirSync(instance.endpointsSpareDir), [])
})

t.test('a damaged record is set aside and reported', async (t) => {
  const instance = testInstance(t)
  const bad = [
    '',
    '{"schema": 1',
    'null',
    JSON.stringify({ ...recordOf(1), schema: 2 }),
    JSON.stringify({ ...recordOf(1), id: 0 }),
    JSON.stringify({ ...recordOf(1), links: { ...recordOf(1).links, mac: 'x' } }),
  ]
  for (const text of bad) {
    const path = recordPath(instance, recordOf(1))
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    const warnings: string[] = []
    t.equal(
      readRecord(instance, recordOf(1), (message) => warnings.push(message)),
      null,
    )
    t.match(warnings, [/not a state file of this version/])
    t.ok(existsSync(`${path}.bad`))
  }
})

t.test('names fit IFNAMSIZ and follow from the whole key', async (t) => {
  const key = { containerID: 'f'.repeat(64), ifName: 'net1-longest-ok' }
  t.equal(vinName(key).length, 15)
  t.equal(vexName(key).length, 15)
  t.not(keyHash(key), keyHash({ ...key, ifName: 'eth0' }))
  t.not(
    keyHash({ containerID: 'a', ifName: 'beth0' }),
    keyHash({ containerID: 'ab', ifName: 'eth0' }),
  )
  t.match(linkAlias(key, 'vin'), key.containerID)
})

t.test('ids go round and skip those in use', async (t) => {
  t.equal(nextFreeId(new Set(), 0), 1)
  t.equal(nextFreeId(new Set([1, 2]), 0), 3)
  t.equal(nextFreeId(new Set([1]), ENDPOINT_ID_MAX), 2, 'after the last comes the first')
  t.same(nextAllotment(new Set([1, 5]), 0), { last: 2, freeUntil: 4 })
  t.same(nextAllotment(new Set([1]), 7), { last: 8, freeUntil: ENDPOINT_ID_MAX })
  const all = new Set(Array.from({ length: ENDPOINT_ID_MAX }, (_, at) => at + 1))
  t.equal(nextFreeId(all, 5), null)
  all.delete(5)
  t.equal(nextFreeId(all, 5), 5, 'the last one given out, when no other is left')
})

t.test('an id is not given out again at once, nor while a record has it', async (t) => {
  const instance = testInstance(t)
  writeRecord(instance, recordOf(3))
  const next = (): number => allocateId(instance, t.fail.bind(t))
  t.same([next(), next(), next(), next()], [1, 2, 4, 5])
  for (const damaged of ['junk', '2 16383 00000000\n', '5\n']) {
    writeFileSync(join(instance.runDir, 'last-id'), damaged)
    t.same([next(), next(), next()], [1, 2, 4], 'the records tell what is free')
  }
})

t.test('a state file is whole or the old one', async (t) => {
  const { runDir } = testInstance(t)
  const path = join(runDir, 'deep', 'file')
  t.equal(readStateFile(path), null)
  for (const write of [writeStateFile, writeBootFile]) {
    write(path, 'text')
    t.equal(readStateFile(path), 'text')
  }
  t.strictSame(readdirSync(dirname(path)), ['file'], 'no temporary is left')
})
