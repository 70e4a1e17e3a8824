import t from 'tap'
import { fromLatin1 } from '../../../../src/core/bytes.js'
import { probeRedis } from '../../../../src/dpd/dpi/redis/probe.js'

const asked = (orig: string, reply = '') =>
  probeRedis({ orig: fromLatin1(orig), reply: fromLatin1(reply) })

t.test('the framing of a whole command name', async (t) => {
  t.equal(asked('*1\r\n$4\r\nPING\r\n'), 'yes')
  t.equal(asked('*3\r\n$8\r\nJSON.SET\r\n$1'), 'yes')
  for (const part of ['*', '*1', '*1\r\n$4\r\nPIN', '*1\r\n$4\r\nPING'])
    t.equal(asked(part), 'more')
  for (const other of [
    '*\r\n',
    '*1\n$4\n',
    '*0\r\n',
    '*1\r\n:4',
    '*1\r\n$4\r\nP\0NG',
    '*x',
    '**',
  ]) {
    t.equal(asked(other), 'no', JSON.stringify(other))
  }
})

t.test('lines of other protocols are not inline commands', async (t) => {
  for (const line of [
    ...[
      'EHLO client.example\r\n',
      'HELO x\r\n',
      'USER anonymous\r\n',
      'a1 LOGIN x y\r\n',
      'NICK x\r\n',
    ],
    ...[
      'PING SPAMC/1.2\r\n',
      'PING :server\r\n',
      'PING\n',
      'stats\r\n',
      '6193, 23\r\n',
      '\x16\x03\x01',
    ],
    ...['CONNECT {"verbose":false}\r\n', 'example.com\r\n', 'reserve\r\n', 'ruok', '{"id":1}\n'],
  ]) {
    t.not(asked(line), 'yes', JSON.stringify(line))
  }
})

t.test('words that other protocols share wait for the server', async (t) => {
  for (const line of ['get a\r\n', 'set a 0 0 1\r\n', 'QUIT\r\n', 'AUTH x\r\n']) {
    t.equal(asked(line), 'more', JSON.stringify(line))
  }
  t.equal(asked('set a b\r\n'), 'yes', 'memcached has more words')
  t.equal(asked('GET a\r\n'), 'yes', 'memcached has lower case, HTTP a path')
  t.equal(asked('AUTH x\r\n', '+OK\r\n'), 'yes')
  t.equal(asked('GET a\r\n', '$-1\r\n'), 'yes')
  t.equal(asked('AUTH x\r\n', '+OK dovecot ready.\r\n'), 'no', 'POP3')
  t.equal(asked('QUIT\r\n', '220 mail.example ESMTP\r\n'), 'no')
  t.equal(asked('get a\r\n', 'END\r\n'), 'no')
})

t.test('a server that speaks first is another, but for a refusal', async (t) => {
  t.equal(asked('', '+OK POP3 ready\r\n'), 'no')
  t.equal(asked('', '-DENIED Redis is running in protected mode because'), 'yes')
  t.equal(asked('', '-ERR max'), 'more')
})
