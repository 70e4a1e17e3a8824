// Preflight asks this kernel; what it says must agree with what the drivers meet.
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import t from 'tap'
import { os } from '../../src/intercept/addon.js'
import { type Os, OsError } from '../../src/intercept/os.js'
import { probeActions } from '../../src/intercept/preflight/tc.js'
import { preflight } from '../../src/intercept/preflight.js'
import { testNetns } from '../netns.js'

const NETLINK_ROUTE = 0

t.test('agrees with the kernel and leaves nothing', (t) => {
  const { findings, drivers, lacks } = preflight(os)
  const fd = os.netlinkOpen(testNetns(t).fd, NETLINK_ROUTE)
  const missing = probeActions(os, fd)
  os.close(fd)
  t.equal(drivers.bpf, true, 'both kernels of the suite load our programs')
  const lacking = findings.filter(({ state }) => state === 'missing')
  t.same(lacking, [], 'one driver works: what the other lacks is only a fall-back')
  t.equal(drivers.nfqueue, true, 'and have NFQUEUE, and the tools')
  t.same(lacks.nfqueue, [])
  t.equal(lacks.tc.length === 0, drivers.tc)
  t.equal(drivers.tc, missing.length === 0, `missing: ${missing.join(', ') || 'nothing'}`)
  for (const { subject, state, cost, cure } of findings) {
    t.equal(state === 'ok', cost === '' && cure === '', `${subject}: ${state} ${cost} ${cure}`)
  }
  const named = findings.filter(({ state }) => state !== 'ok').map(({ subject }) => subject)
  for (const action of missing) t.ok(named.includes(action), `${action} is named`)
  const left = readdirSync(tmpdir()).filter((name) => name.startsWith('vethwall-preflight-'))
  t.same(left, [])
  t.end()
})

/** The real one, but for what a kernel without it would refuse. */
function without(code: string, errno: number, isLacking: (call: string) => boolean): Os {
  const refuse = (call: string) => {
    if (isLacking(call)) throw new OsError(code, errno, call, 'probe')
  }
  const bpf = {
    ...os.bpf,
    progLoad: (spec: Parameters<Os['bpf']['progLoad']>[0]) => {
      refuse('bpf(BPF_PROG_LOAD)')
      return os.bpf.progLoad(spec)
    },
  }
  return {
    ...os,
    bpf,
    netnsCreate: (path) => {
      refuse('netnsCreate')
      os.netnsCreate(path)
    },
  }
}

t.test('a kernel without bpf: the driver, its cost and its cure are named', (t) => {
  const { findings, drivers } = preflight(without('EINVAL', 22, (call) => call.startsWith('bpf')))
  t.equal(drivers.bpf, false)
  const programs = findings.find(({ subject }) => subject === 'bpf programs')
  t.match(programs, {
    state: 'missing',
    cost: /tc driver/,
    cure: /5\.10.*the kernel said: .*EINVAL/,
  })
  t.end()
})

t.test('without privileges nothing is asked', (t) => {
  const { findings, drivers } = preflight(without('EPERM', 1, (call) => call === 'netnsCreate'))
  t.same(drivers, { bpf: false, tc: false, nfqueue: false })
  t.match(findings, [{ subject: 'privileges', state: 'missing', cure: /run as root.*EPERM/ }])
  t.end()
})
