import t from 'tap'
import type { Fact } from '../../../src/core/inspect/contract.js'
import { registry } from '../../../src/dpd/dpi/registry.js'
import { type Case, type ExpectedFact, readCases } from './cases.js'
import { cutAt, type Delivered, deliver, octetByOctet, rested } from './deliver.js'

type Test = Pick<typeof t, 'same' | 'equal' | 'ok' | 'match' | 'not'>

/** Each case whole, put to rest between, octet by octet, cut at every octet, and as every proper prefix. */
export function runCases(file: string): void {
  for (const one of readCases(file)) {
    const { transport } = one
    t.test(one.name, async (test) => {
      const whole = deliver(one.sends, transport)
      checkExpected(test, one, whole)
      const atRest = deliver(one.sends, transport, undefined, registry, rested)
      checkSame(test, whole, atRest, 'put to rest between sends')
      if (transport === 'udp') return
      checkSame(test, whole, deliver(one.sends, transport, octetByOctet), 'octet by octet')
      const restless = deliver(one.sends, transport, octetByOctet, registry, rested)
      checkSame(test, whole, restless, 'octet by octet, put to rest wherever it can be')
      eachCut(one, (send, at) => {
        const cut = deliver(one.sends, transport, cutAt(send, at))
        checkSame(test, whole, cut, `send ${send} cut at ${at}`)
      })
      if (whole.state !== 'malformed') checkPrefixes(test, one, transport)
    })
  }
}

function eachCut(one: Case, visit: (send: number, at: number) => void): void {
  one.sends.forEach((send, index) => {
    for (let at = 1; at < send.octets.length; at++) visit(index, at)
  })
}

function checkPrefixes(test: Test, one: Case, transport: 'tcp' | 'udp'): void {
  eachCut(one, (index, at) => {
    const sends = one.sends.slice(0, index + 1)
    const last = sends.pop()
    if (last === undefined) return
    sends.push({ ...last, octets: last.octets.subarray(0, at), ended: false })
    const prefix = deliver(sends, transport)
    if (prefix.state === 'malformed') {
      test.equal(prefix.clause, '', `prefix up to ${at} of send ${index} is not malformed`)
    }
  })
}

/** Only differences are told: thousands of equal cuts are no news. */
function checkSame(test: Test, whole: Delivered, cut: Delivered, how: string): void {
  const a = JSON.stringify([whole.app, whole.state, whole.clause, whole.facts])
  const b = JSON.stringify([cut.app, cut.state, cut.clause, cut.facts])
  if (a !== b) test.equal(b, a, how)
}

function checkExpected(test: Test, one: Case, seen: Delivered): void {
  test.equal(seen.app, one.app, 'app')
  test.equal(
    `${seen.state} ${seen.clause.slice(0, one.clause.length)}`,
    `${one.state} ${one.clause}`,
  )
  test.not(seen.parserFault, true, 'no parser fault')
  const facts = seen.facts.map(({ fact }, index) => comparable(fact, one.facts[index]))
  test.same(facts.map(line), one.facts.map(line), 'facts')
}

function line({ kind, tx, dir, at, fields }: ExpectedFact): string {
  const sorted = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))
  return `${kind} ${tx} ${dir ?? ''} ${at ?? ''} ${JSON.stringify(Object.fromEntries(sorted))}`
}

/** Fields that a case need not name. */
const UNNAMED = /^(?:header\..*|ambiguousHeader\..*|reply\..*|target|version)$/

function comparable(fact: Fact, expected: ExpectedFact | undefined): ExpectedFact {
  if (fact.kind === 'txEnd') return { kind: 'txEnd', tx: fact.tx, at: fact.end, fields: {} }
  const detail = fact.kind === 'tx' ? fact.detail?.() : {}
  const fields = Object.fromEntries(
    Object.entries({ ...fact.fields, ...detail }).filter(
      ([name]) => !UNNAMED.test(name) || name in (expected?.fields ?? {}),
    ),
  )
  if (fact.kind === 'flow') return { kind: 'flow', tx: 0, fields }
  return { kind: 'tx', tx: fact.tx, dir: fact.dir, at: fact.begin, fields }
}
