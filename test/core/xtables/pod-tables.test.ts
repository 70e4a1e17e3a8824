import t from 'tap'
import {
  chainNames,
  endpointChain,
  endpointRules,
  isNameable,
  isSameRule,
  nextMark,
  type RuledInterface,
  type RuledPath,
  readRuledPath,
} from '../../../src/core/xtables/pod-chains.js'
import {
  differences,
  installText,
  pathText,
  removeText,
} from '../../../src/core/xtables/pod-tables.js'
import { parseSaved } from '../../../src/core/xtables/saved-tables.js'
import { restored } from './restored.js'

const NAMES = chainNames('abcdef')
const ETH0: RuledInterface = {
  ...{ endpointId: 5, ifName: 'eth0', owner: 'default/web', isLoopback: false },
}
const NET1: RuledInterface = { ...ETH0, endpointId: 6, ifName: 'net1' }
const LO: RuledInterface = { ...ETH0, endpointId: 7, ifName: 'lo', isLoopback: true }
const INLINE: RuledPath = { path: 'inline', failure: 'closed', mark: 5 }
const EMPTY = ''
/** The pod's own rules. */
const OWN = `*filter
:INPUT ACCEPT [7:420]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [9:540]
:mesh - [0:0]
[7:420] -A INPUT -p tcp -m tcp --dport 15001 -j mesh
-A mesh -j ACCEPT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -j REDIRECT
COMMIT
`

const install = (saved: string, of: RuledInterface, setting: RuledPath): string =>
  restored(saved, installText(parseSaved(saved), NAMES, of, setting))
const remove = (saved: string, of: RuledInterface): string =>
  restored(saved, removeText(parseSaved(saved), NAMES, of) ?? '')
const driftIn = (saved: string, of: RuledInterface, setting: RuledPath | null): string[] =>
  differences(parseSaved(saved), NAMES, of, setting).map(({ chain }) => chain)

const JUDGING = `*mangle
:vethwall-in-abcdef - [0:0]
:vethwall-out-abcdef - [0:0]
:vw-abcdef-5 - [0:0]
-A vw-abcdef-5 -p tcp -m tcp ! --tcp-flags FIN,SYN,RST NONE -m comment --comment "default/web: beginnings and ends of connections are always seen" -j NFQUEUE --queue-num 5
-A vw-abcdef-5 -m connmark --mark 0x5000000/0xff000000 -m comment --comment "default/web: flows decided under the policy in force" -j RETURN
-A vw-abcdef-5 -m comment --comment "default/web: judged by dpd; is dropped while dpd is away" -j NFQUEUE --queue-num 5
-A vethwall-in-abcdef -m comment --comment "vethwall: a mark that a process set is no verdict" -j MARK --set-xmark 0x0/0xff000000
-A vethwall-in-abcdef -i eth0 -m comment --comment "default/web eth0: towards the pod" -j vw-abcdef-5
-A vethwall-out-abcdef -m comment --comment "vethwall: a mark that a process set is no verdict" -j MARK --set-xmark 0x0/0xff000000
-A vethwall-out-abcdef -o eth0 -m comment --comment "default/web eth0: from the pod" -j vw-abcdef-5
-I INPUT 1 -m comment --comment "vethwall: packets towards the pod are judged first" -j vethwall-in-abcdef
-I FORWARD 1 -m comment --comment "vethwall: packets towards the pod are judged first" -j vethwall-in-abcdef
-I FORWARD 2 -m comment --comment "vethwall: packets from the pod are judged first" -j vethwall-out-abcdef
-I OUTPUT 1 -m comment --comment "vethwall: packets from the pod are judged first" -j vethwall-out-abcdef
COMMIT
*filter
:vethwall-save-abcdef - [0:0]
-A vethwall-save-abcdef -i eth0 -m mark ! --mark 0x0/0xff000000 -m comment --comment "default/web: the flow is decided" -j CONNMARK --save-mark --nfmask 0xff000000 --ctmask 0xff000000
-A vethwall-save-abcdef -i eth0 -m mark ! --mark 0x0/0xff000000 -m comment --comment "default/web: the mark ends here" -j MARK --set-xmark 0x0/0xff000000
-A vethwall-save-abcdef -o eth0 -m mark ! --mark 0x0/0xff000000 -m comment --comment "default/web: the flow is decided" -j CONNMARK --save-mark --nfmask 0xff000000 --ctmask 0xff000000
-A vethwall-save-abcdef -o eth0 -m mark ! --mark 0x0/0xff000000 -m comment --comment "default/web: the mark ends here" -j MARK --set-xmark 0x0/0xff000000
-I INPUT 1 -m comment --comment "vethwall: a verdict for a whole flow is kept with its connection" -j vethwall-save-abcdef
-I FORWARD 1 -m comment --comment "vethwall: a verdict for a whole flow is kept with its connection" -j vethwall-save-abcdef
-I OUTPUT 1 -m comment --comment "vethwall: a verdict for a whole flow is kept with its connection" -j vethwall-save-abcdef
COMMIT
`

t.test('the rules of an empty namespace, as they are told to iptables-restore', async (t) => {
  t.equal(installText(parseSaved(EMPTY), NAMES, ETH0, INLINE), JUDGING)
})

t.test('one chain for each path, read back as what it is', async (t) => {
  const settings: RuledPath[] = [
    { path: 'direct', failure: 'open', mark: 0 },
    { path: 'quarantine', failure: 'closed', mark: 0 },
    { path: 'tap', failure: 'open', mark: 255 },
    { path: 'inline', failure: 'open', mark: 17 },
    INLINE,
  ]
  for (const setting of settings) {
    t.same(readRuledPath(ETH0, endpointRules(ETH0, setting)), setting)
  }
  t.equal(readRuledPath(ETH0, []), null)
  t.equal(readRuledPath(ETH0, ['-j ACCEPT']), null)
  const tapClosed = endpointRules(ETH0, { path: 'tap', failure: 'closed', mark: 1 })
  t.match(tapClosed.at(-1), /--queue-bypass$/, 'a copy is never worth a connection')
  t.notMatch(endpointRules(ETH0, INLINE).join(), /queue-bypass/)
  t.match(
    pathText(NAMES, ETH0, { path: 'quarantine', failure: 'closed', mark: 0 }),
    /^\*mangle\n:vw-abcdef-5 - \[0:0\]\n-A vw-abcdef-5 .* -j DROP\nCOMMIT\n$/,
  )
})

t.test('installed twice is installed once; removed leaves what was there', async (t) => {
  const once = install(OWN, ETH0, INLINE)
  t.same(driftIn(once, ETH0, INLINE), [])
  t.same(driftIn(once, ETH0, null), [])
  t.equal(install(once, ETH0, INLINE), once)
  t.equal(restored(remove(once, ETH0), ''), restored(restored(OWN, ''), '*mangle\nCOMMIT\n'))
  t.equal(removeText(parseSaved(OWN), NAMES, ETH0), null)
})

t.test('two interfaces share the heads, and each goes by itself', async (t) => {
  const both = install(install(EMPTY, ETH0, INLINE), NET1, { ...INLINE, path: 'tap' })
  t.same(driftIn(both, ETH0, INLINE), [])
  t.same(driftIn(both, NET1, { ...INLINE, path: 'tap' }), [])
  const again = install(both, ETH0, { ...INLINE, mark: 9 })
  t.same(driftIn(again, ETH0, { ...INLINE, mark: 9 }), [])
  t.same(driftIn(again, NET1, null), [])
  const one = remove(again, ETH0)
  t.same(driftIn(one, NET1, null), [])
  t.notMatch(one, /eth0/)
  t.notMatch(remove(one, NET1), /vethwall|vw-/)
})

t.test('an interface has one endpoint: what an earlier one has left goes', async (t) => {
  const before = install(EMPTY, { ...ETH0, endpointId: 4 }, INLINE)
  const after = install(before, ETH0, INLINE)
  t.same(driftIn(after, ETH0, INLINE), [])
  t.notMatch(after, /vw-abcdef-4/)
})

t.test('of loopback only what is sent is judged', async (t) => {
  const saved = install(EMPTY, LO, { ...INLINE, path: 'tap' })
  const { chains } = parseSaved(saved).mangle
  t.equal(chains.get(NAMES.in)?.length, 1, 'the clearing rule alone')
  t.match(chains.get(NAMES.out)?.[1], /^-o lo .* -j vw-abcdef-7$/)
  t.same(driftIn(saved, LO, { ...INLINE, path: 'tap' }), [])
  t.same(driftIn(install(saved, ETH0, INLINE), LO, null), [])
  t.notMatch(endpointRules(LO, { ...INLINE, path: 'quarantine' }).join(), /DROP/)
})

t.test('what a pod may do to its tables, and that it is set back', async (t) => {
  const sound = install(OWN, ETH0, INLINE)
  const damage = (lines: string): string => restored(sound, lines)
  const damages: Readonly<Record<string, [string, string[]]>> = {
    'a rule before ours': ['*mangle\n-I INPUT 1 -j ACCEPT\nCOMMIT\n', ['head of INPUT']],
    'ours doubled': [`*mangle\n-A OUTPUT -j ${NAMES.out}\nCOMMIT\n`, ['head of OUTPUT']],
    'a head flushed': ['*mangle\n-F FORWARD\nCOMMIT\n', ['head of FORWARD']],
    'the way in cleared': [`*mangle\n-F ${NAMES.in}\nCOMMIT\n`, [NAMES.in]],
    'a mark left standing': [`*mangle\n-D ${NAMES.out} 1\nCOMMIT\n`, [NAMES.out]],
    'an exception': [`*mangle\n-I ${NAMES.in} 1 -j ACCEPT\nCOMMIT\n`, [NAMES.in]],
    'the judging rules': [`*mangle\n-F vw-abcdef-5\nCOMMIT\n`, ['vw-abcdef-5']],
    'a forged mark': [
      `*filter\n-I ${NAMES.save} 1 -j CONNMARK --set-xmark 0x5000000\nCOMMIT\n`,
      [NAMES.save],
    ],
    'no saving': ['*filter\n-F OUTPUT\nCOMMIT\n', ['head of OUTPUT']],
  }
  for (const [name, [lines, chains]] of Object.entries(damages)) {
    const damaged = damage(lines)
    t.same(driftIn(damaged, ETH0, INLINE), chains, name)
    t.same(driftIn(install(damaged, ETH0, INLINE), ETH0, INLINE), [], `${name}: set back`)
  }
  const kept = install(damage('*mangle\n-I INPUT 1 -j ACCEPT\nCOMMIT\n'), ETH0, INLINE)
  t.match(parseSaved(kept).mangle.chains.get('INPUT')?.[1], '-j ACCEPT', 'behind ours, not gone')
})

t.test('rules are compared by what they say', async (t) => {
  const printed =
    '-p tcp -m comment --comment "a -j b" -m tcp ! --tcp-flags FIN,SYN,RST NONE -j Q --n 5'
  t.ok(
    isSameRule(
      '-p tcp ! --tcp-flags FIN,SYN,RST NONE -m comment --comment "a -j b" -j Q --n 5',
      printed,
    ),
  )
  t.notOk(isSameRule(printed.replace('! ', ''), printed))
  t.notOk(isSameRule(printed.replace('--n 5', '--n 6'), printed))
})

t.test('names from outside make no rule of their own', async (t) => {
  const owner = `x" -j ACCEPT\n-A INPUT -j ACCEPT ${'y'.repeat(400)}`
  const [rule = ''] = endpointRules(
    { ...ETH0, owner },
    { path: 'direct', failure: 'open', mark: 0 },
  )
  t.match(rule, /^-m comment --comment "[^"\n]{1,200}" -j RETURN$/)
  for (const name of ['eth+', 'a b', '!x', '"', '-i', '', 'x'.repeat(16)]) t.notOk(isNameable(name))
  for (const name of ['eth0', 'net1.7', 'a-b_c@d']) t.ok(isNameable(name))
})

t.test('a mark is never none, and chain names fit', async (t) => {
  t.equal(nextMark(0), 1)
  t.equal(nextMark(254), 255)
  t.equal(nextMark(255), 1)
  for (const name of [NAMES.in, NAMES.out, NAMES.save, endpointChain(NAMES, 0x3fff)]) {
    t.ok(name.length <= 28, name)
  }
})
