import t from 'tap'
import type { Resolved } from '../../../../src/core/inspect/contract.js'
import { deliver } from '../deliver.js'

const hex = (text: string): Uint8Array =>
  new Uint8Array(Buffer.from(text.replace(/\s+/g, ''), 'hex'))

/** A name as labels, each behind its length. */
const name = (text: string): string =>
  text === '.'
    ? '00'
    : `${text
        .split('.')
        .map((label) => `${byte(label.length)}${Buffer.from(label).toString('hex')}`)
        .join('')}00`
const byte = (value: number): string => value.toString(16).padStart(2, '0')
const be16 = (value: number): string => value.toString(16).padStart(4, '0')

interface Record {
  readonly owner: string
  readonly type: number
  readonly ttl: number
  readonly rdata: string
  readonly class?: number
}

const record = ({ owner, type, ttl, rdata, class: is = 1 }: Record): string =>
  `${name(owner)} ${be16(type)} ${be16(is)} ${ttl.toString(16).padStart(8, '0')} ${be16(rdata.length / 2)} ${rdata}`
const a = (owner: string, octets: string, ttl = 60): Record => ({
  ...{ owner, type: 1, ttl, rdata: octets },
})
const cname = (owner: string, target: string, ttl = 60): Record => ({
  ...{ owner, type: 5, ttl, rdata: name(target) },
})

/** What a response with the answers says; null = nothing, undefined = it is no response to the query. */
function resolved(asked: string, type: number, answers: readonly Record[], rcode = 0) {
  const question = `${name(asked)} ${be16(type)} 0001`
  const query = hex(`1234 0100 0001 0000 0000 0000 ${question}`)
  const reply = hex(
    `1234 ${be16(0x8180 + rcode)} 0001 ${be16(answers.length)} 0000 0000 ${question} ${answers.map(record).join('')}`,
  )
  const { facts } = deliver(
    [
      { dir: 'orig', octets: query, ended: false },
      { dir: 'reply', octets: reply, ended: false },
    ],
    'udp',
  )
  const told = facts.find(({ fact }) => fact.kind === 'tx' && fact.dir === 'reply')?.fact
  return told?.kind === 'tx' ? told.resolved?.() : undefined
}

const shop = (addresses: readonly string[], ttlSeconds = 60): Resolved => ({
  ...{ name: 'shop.example', addresses, ttlSeconds },
})

t.test('A and AAAA of the name itself', async (t) => {
  t.same(
    resolved('Shop.Example', 1, [a('shop.example', 'c0000201'), a('SHOP.example', 'c0000202', 30)]),
    shop(['192.0.2.1', '192.0.2.2'], 30),
  )
  const rdata = '20010db8000000000000000000000007'
  t.same(
    resolved('shop.example', 28, [{ owner: 'shop.example', type: 28, ttl: 60, rdata }]),
    shop(['2001:db8::7']),
  )
})

t.test('through aliases, in any order of records', async (t) => {
  const chain = [
    a('edge.cdn.example', 'c0000201', 300),
    cname('www.shop.example', 'edge.cdn.example', 20),
    cname('shop.example', 'www.shop.example', 40),
  ]
  t.same(resolved('shop.example', 1, chain), shop(['192.0.2.1'], 20))
})

t.test('what no alias leads to answers nothing', async (t) => {
  const stray = [a('shop.example', 'c0000201'), a('bank.example', 'c6336401')]
  t.same(resolved('shop.example', 1, stray), shop(['192.0.2.1']))
  t.equal(resolved('shop.example', 1, [a('bank.example', 'c6336401')]), null)
})

t.test('a ring of aliases ends', async (t) => {
  const ring = [cname('shop.example', 'b.example'), cname('b.example', 'shop.example')]
  t.equal(resolved('shop.example', 1, ring), null)
})

t.test('a chain of aliases is followed only so far', async (t) => {
  const chain = (aliases: number): Record[] => [
    cname('shop.example', 'n0.example'),
    ...Array.from({ length: aliases }, (_, i) => cname(`n${i}.example`, `n${i + 1}.example`)),
    a(`n${aliases}.example`, 'c0000201'),
  ]
  t.same(resolved('shop.example', 1, chain(15)), shop(['192.0.2.1']))
  t.equal(resolved('shop.example', 1, chain(16)), null)
})

t.test('HTTPS: hints, and its alias mode', async (t) => {
  const hints = `0001 00 0001 0003 02 6832 0004 0004 c0000209 0006 0010 20010db8000000000000000000000009`
  const service = { owner: 'shop.example', type: 65, ttl: 60, rdata: hints.replace(/ /g, '') }
  t.same(resolved('shop.example', 65, [service]), shop(['192.0.2.9', '2001:db8::9']))
  const alias = { owner: 'shop.example', type: 65, ttl: 9, rdata: `0000${name('pool.example')}` }
  t.same(
    resolved('shop.example', 65, [alias, a('pool.example', 'c0000201')]),
    shop(['192.0.2.1'], 9),
  )
})

t.test('a failed response says nothing', async (t) => {
  t.equal(resolved('shop.example', 1, [a('shop.example', 'c0000201')], 3), null)
})

t.test('only of class IN, and a TTL with the top bit is none', async (t) => {
  const chaos = { ...a('shop.example', 'c0000201'), class: 3 }
  t.equal(resolved('shop.example', 1, [chaos]), null)
  t.equal(
    resolved('shop.example', 1, [
      { ...cname('shop.example', 'b.example'), class: 255 },
      a('b.example', 'c0000201'),
    ]),
    null,
  )
  t.same(
    resolved('shop.example', 1, [a('shop.example', 'c0000201', 0xffffffff)]),
    shop(['192.0.2.1'], 0),
  )
})

t.test('what the opener wrote teaches nothing: Unbound repeats it', async (t) => {
  const question = `${name('shop.example')} 0001 0001`
  const own = record(a('shop.example', 'c0000201'))
  const learnedOf = (flags: string, counts: string, asked = question) => {
    const query = `1234 ${flags} 0001 ${counts} ${asked} ${own}`
    const reply = `1234 ${flags.replace(/^./, (digit) => (Number(digit) + 8).toString(16))} 0001 ${counts} ${asked} ${own}`
    const { facts } = deliver(
      [
        { dir: 'orig', octets: hex(query), ended: false },
        { dir: 'reply', octets: hex(reply), ended: false },
      ],
      'udp',
    )
    const told = facts.find(({ fact }) => fact.kind === 'tx' && fact.dir === 'reply')?.fact
    return told?.kind === 'tx' ? told.resolved?.() : undefined
  }
  t.equal(learnedOf('0100', '0001 0000 0000'), null, 'an answer of its own')
  t.equal(learnedOf('2100', '0001 0000 0000'), null, 'a NOTIFY')
  t.equal(learnedOf('0100', '0001 0000 0000', `${name('shop.example')} 0001 0003`), null, 'CH')
})
