import t from 'tap'
import { fromLatin1, latin1 } from '../../../../src/core/bytes.js'
import { LINE_OCTETS } from '../../../../src/dpd/dpi/smtp/line.js'
import { OPEN_TX, RECIPIENTS } from '../../../../src/dpd/dpi/smtp/session.js'
import { readCaptured } from '../captured.js'
import { type Delivered, deliver, octetByOctet } from '../deliver.js'
import type { Send } from '../send.js'

const orig = (text: string): Send => ({ dir: 'orig', octets: fromLatin1(text), ended: false })
const reply = (text: string): Send => ({ dir: 'reply', octets: fromLatin1(text), ended: false })
const GREETING = reply('220 m ESMTP\r\n')
const EHLO = orig('EHLO c\r\n')
const session = [GREETING, EHLO, reply('250 m\r\n')]
const begin = (...sends: readonly Send[]): Delivered => deliver([...session, ...sends])
const requests = (seen: Delivered): Record<string, unknown>[] =>
  seen.facts.flatMap(({ fact }) => (fact.kind === 'tx' && fact.dir === 'orig' ? [fact.fields] : []))

t.test('STARTTLS: TLS in both directions, behind the reply', async (t) => {
  for (const name of ['curl-exim', 'msmtp-aiosmtpd', 'nodemailer-exim']) {
    const sends = readCaptured(`smtp/${name}-starttls`)[0]?.sends ?? []
    for (const seen of [deliver(sends), deliver(sends, 'tcp', octetByOctet)]) {
      t.equal(seen.app, 'tls', name)
      t.equal(seen.state, 'done', name)
      const commands = requests(seen).map(({ command }) => command)
      t.same(commands, ['EHLO', 'STARTTLS', undefined], name)
      const hello = seen.facts.find(({ app, fact }) => app === 'tls' && fact.kind === 'tx')
      const startTls = seen.facts.findLast(
        ({ app, fact }) => app === 'smtp' && fact.kind === 'tx' && fact.dir === 'orig',
      )
      const at = startTls?.fact.kind === 'tx' ? startTls.fact.begin : 0
      t.match(hello?.fact, { dir: 'orig', begin: at + 'STARTTLS\r\n'.length }, name)
    }
  }
})

t.test('mail data is passed over, not kept', async (t) => {
  const { inspection } = begin(orig('DATA\r\n'), reply('354 go\r\n'), orig('x'.repeat(100_000)))
  t.equal(inspection.state, 'parsing')
  t.equal(inspection.covered('orig'), 8 + 6 + 100_000)
  const chunk = begin(orig('BDAT 99999999 LAST\r\nMAIL FROM:<a@b>\r\n'))
  t.equal(chunk.inspection.covered('orig'), 8 + 20 + 99_999_999)
  t.equal(requests(chunk).length, 2)
})

t.test('a line has 12 288 octets at most', async (t) => {
  const longest = `NOOP ${'x'.repeat(LINE_OCTETS - 7)}\r\n`
  t.equal(begin(orig(longest)).state, 'parsing')
  t.match(begin(orig(`x${longest}`)).clause, '§4.5.3.1 line of more')
  t.match(begin(orig('x'.repeat(LINE_OCTETS))).clause, '§4.5.3.1 line of more')
  t.match(begin(reply(`250 ${'x'.repeat(LINE_OCTETS)}`)).clause, '§4.5.3.1 line of more')
  t.match(begin(orig(`MAIL FROM:<${'x'.repeat(1_100)}@b>\r\n`)).clause, '§4.5.3.1.3 path')
})

t.test('pipelined commands rest until replies come', async (t) => {
  const all = orig('NOOP\r\n'.repeat(OPEN_TX + 9))
  t.equal(requests(begin(all)).length, 1 + OPEN_TX)
  t.equal(requests(begin(all, reply('250 ok\r\n'))).length, 1 + OPEN_TX + 1)
})

t.test('more recipients than are kept: all of them are ambiguous', async (t) => {
  const sends: Send[] = [orig('MAIL FROM:<a@b>\r\n'), reply('250 ok\r\n')]
  for (let i = 0; i <= RECIPIENTS; i++)
    sends.push(orig(`RCPT TO:<r${i}@d>\r\n`), reply('250 ok\r\n'))
  const seen = requests(begin(...sends, orig('DATA\r\n')))
  t.same(seen.at(-2), { command: 'RCPT', from: 'a@b', recipients: [`r${RECIPIENTS}@d`] })
  t.match(seen.at(-1), { command: 'DATA', ambiguous: ['recipients'] })
})

const refusal = (seen: Delivered, tx: number): string | undefined => {
  const octets = seen.inspection.refusal(tx)?.toOpener
  return octets === undefined ? undefined : latin1(octets)
}

t.test('refusal: where the client awaits this reply next', async (t) => {
  const denied = '550 5.7.1 denied by network policy\r\n'
  t.equal(refusal(deliver([GREETING, EHLO]), 0), denied)
  t.equal(refusal(deliver([EHLO]), 0), denied.replace('550', '554'), 'it awaits the greeting')
  t.equal(refusal(begin(orig('MAIL FROM:<a@b>\r\n')), 1), denied)
  const two = begin(orig('MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n'))
  t.equal(refusal(two, 1), denied)
  t.equal(refusal(two, 2), undefined, 'another reply comes first')
  t.equal(refusal(deliver([GREETING, EHLO, reply('250-m\r\n')]), 0), undefined, 'a line was sent')
  t.equal(
    refusal(deliver([GREETING, EHLO, reply('250')]), 0),
    undefined,
    'a part of a line was sent',
  )
  t.equal(
    refusal(begin(orig('DATA\r\n'), reply('354 go\r\n')), 1),
    undefined,
    'the server wants the mail',
  )
})

t.test('a lost octet ends what can be read', async (t) => {
  t.equal(begin().inspection.gap('orig', 8, 5).state, 'done')
})
