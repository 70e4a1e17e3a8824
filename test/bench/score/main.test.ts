/** The command as it is typed, on real captures: every file format and link type. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { exec } from '../../process.js'
import { root } from '../../root.js'

const score = (...args: readonly string[]) =>
  exec(process.execPath, [join(root, '.build/bench/score/main.js'), ...args], {
    timeoutMs: 120_000,
  })

const CAPTURES = join(root, 'test/fixtures/score')
const folder = mkdtempSync(join(tmpdir(), 'vethwall-score-'))
t.teardown(() => rmSync(folder, { recursive: true }))

t.test('formats, link types, labels by flow and by file', async (t) => {
  const { status, stdout, stderr } = await score(CAPTURES, '--json', '--goal')
  t.equal(stderr, '')
  t.equal(status, 0)
  const { protocols, ...totals } = JSON.parse(stdout)
  const column = (protocol: string) =>
    protocols.find((each: { protocol: string }) => each.protocol === protocol)
  const whole = { recallPercent: 100, falseLabels: 0, packetsToVerdict: { p50: 1, p99: 1 } }
  t.match(column('dns'), { ...whole, flows: 6, namesExpected: 6, namesFound: 6 })
  t.match(column('http'), { ...whole, flows: 2, namesExpected: 2, namesFound: 2 })
  t.match(column('tls'), { ...whole, flows: 1, namesExpected: 1, namesFound: 1 })
  t.match(column('redis'), { flows: 5, falseLabels: 0 })
  t.match(column('mysql'), { flows: 1, falseLabels: 0 })
  t.match(totals, {
    captures: 5,
    unlabelled: 6,
    malformedFrames: 0,
    parserFaults: 0,
    goalsMissed: [],
    problems: [],
  })
})

t.test('what the benchmark recorded', async (t) => {
  const { status, stdout } = await score(join(root, 'bench/captures'), '--goal', '--misses')
  t.equal(status, 0, stdout)
  t.match(stdout, /^http +8 +8 +100\.00 % +99 % +0 .* 8 of 8/m)
  t.match(stdout, /false labels 0: 0\.00 % \(goal 0\.1 %\)/)
})

t.test("parsers' captures: each flow is known, by its folder's name", async (t) => {
  const { status, stdout, stderr } = await score(
    ...[join(root, 'test/fixtures/dpi/captures'), '--goal', '--misses'],
  )
  t.equal(status, 0, stdout + stderr)
  t.match(stdout, /recall 100\.00 %, false labels 0: 0\.00 %/)
  t.match(stdout, /^dhcp +\d+ +\d+ +100\.00 %/m)
  t.equal(stderr, '')
})

t.test('a goal that is missed', async (t) => {
  const labels = join(folder, 'wrong.csv')
  writeFileSync(labels, '*,ssl\n')
  const missed = await score(CAPTURES, '--labels', labels, '--goal', '--misses')
  t.equal(missed.status, 1)
  t.match(missed.stdout, /missed: recall of tls/)
  t.match(
    missed.stdout,
    /dns-cooked2\.pcap +udp 127\.0\.0\.1 \d+ → 127\.0\.0\.1 8053 +ssl +false label +dns/,
  )
  t.equal((await score(CAPTURES, '--labels', labels)).status, 0, 'only where it is asked for')
})

t.test('a capture by what it begins with; one without a flow is said', async (t) => {
  const into = mkdtempSync(join(tmpdir(), 'vethwall-score-'))
  t.teardown(() => rmSync(into, { recursive: true }))
  copyFileSync(join(CAPTURES, 'tls-loopback.pcapng'), join(into, 'night.0'))
  writeFileSync(
    join(into, 'empty.pcap'),
    readFileSync(join(CAPTURES, 'dns-cooked2.pcap')).subarray(0, 24),
  )
  writeFileSync(join(into, 'labels.csv'), 'night.0,tls\nempty.pcap,dns\n')
  const { status, stdout, stderr } = await score(into)
  t.equal(status, 0)
  t.match(stdout, /^tls +1 +1 +100\.00 %/m)
  t.match(stderr, /empty\.pcap: no flow in its 0 frames/)
})

t.test('bad input', async (t) => {
  t.match(await score(), { status: 2, stderr: /usage: / })
  t.match(await score(CAPTURES, '--gaol'), { status: 2, stderr: /usage: / })
  t.match(await score(folder), { status: 2, stderr: /no label file: .*labels\.json/ })
  writeFileSync(join(folder, 'labels.txt'), 'a.pcap dns\nb.pcap dns\n')
  t.match(await score(folder), { status: 2, stderr: /no \.pcap, \.pcapng or \.cap file/ })
  writeFileSync(join(folder, 'a.pcap'), 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n')
  const { status, stderr } = await score(folder)
  t.equal(status, 2)
  t.match(stderr, /a\.pcap: can't be read: octet 0: no capture/)
  t.match(stderr, /labels\.txt:2: there is no capture b\.pcap/)
})
