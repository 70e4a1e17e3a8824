/** A server that speaks first, in words that several protocols have: nobody says more before they pass. */
import t from 'tap'
import { Bench, brief, ingressPolicy } from './bench.js'

const GREETING = '220 host ready\r\n'
const greeted = [{ cmd: 'release', dir: 'reply', upTo: GREETING.length }]
const mail = ingressPolicy('- { name: mail, apps: [smtp] }')

function greet(policy: string, greeting = GREETING) {
  const bench = new Bench(policy)
  const flow = bench.open({ destinationPort: 25 })
  const say = (text: string) => brief(bench.octets(flow, 'orig', 0, text))
  return { bench, say, heard: brief(bench.octets(flow, 'reply', 0, greeting)) }
}

t.test('it passes, and EHLO says that it is mail', async (t) => {
  const { heard, say, bench } = greet(mail)
  t.same(heard, greeted)
  t.same(say('EHLO c\r\n'), [{ cmd: 'release', dir: 'orig', upTo: 8 }])
  t.same(bench.told.denied, [])
})

t.test("another protocol's client is denied, and its server hears nothing", async (t) => {
  const { heard, say, bench } = greet(mail)
  t.same(heard, greeted)
  t.same(say('USER anonymous\r\n'), [
    { cmd: 'deny', dir: 'orig', from: 0, answer: 'reset', next: 'close' },
  ])
  t.match(bench.told.denied, [{ reason: 'default-deny' }])
})

t.test('half a command is held', async (t) => {
  const { say } = greet(mail)
  t.same(say('EH'), [])
})

t.test('half a greeting is held', async (t) => {
  t.same(greet(mail, '220-host\r\n220 re').heard, [])
})

t.test('octets behind it are no greeting', async (t) => {
  t.match(greet(mail, `${GREETING}more`).heard, [{ cmd: 'deny', from: 0, answer: 'reset' }])
  const { bench, heard } = greet(mail)
  t.same(heard, greeted)
  t.match(brief(bench.octets(100, 'reply', GREETING.length, 'more')), [{ cmd: 'deny' }])
})

t.test('where neither mail nor what no parser knows is allowed: denied at once', async (t) => {
  const { heard, bench } = greet(ingressPolicy('- { name: web, apps: [http] }'))
  t.match(heard, [{ cmd: 'deny', from: 0, answer: 'reset' }])
  t.match(bench.told.denied, [{ reason: 'default-deny' }])
})

t.test('where mail alone is denied: the client decides', async (t) => {
  const policy = ingressPolicy('- { name: no-mail, apps: [smtp], action: deny }\n- { name: rest }')
  const first = greet(policy)
  t.same(first.heard, greeted)
  t.match(first.say('EHLO c\r\n'), [{ cmd: 'deny', from: 0 }])
  t.match(greet(policy).say('USER anonymous\r\n'), [{ cmd: 'settle', verdict: 'allow' }])
})
