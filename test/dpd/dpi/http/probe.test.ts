/** First octets that a server in use takes for HTTP: the flow may not be of another app, or of none. */
import t from 'tap'
import { fromLatin1 } from '../../../../src/core/bytes.js'
import { deliver, octetByOctet } from '../deliver.js'

const HOST = '\r\nHost: a\r\n\r\n'
const TAKEN: Readonly<Record<string, string>> = {
  'empty lines without number (Node, HAProxy)': `${'\r\n'.repeat(400)}GET /a HTTP/1.1${HOST}`,
  'line feeds without number (Node)': `${'\n'.repeat(600)}GET /a HTTP/1.1${HOST}`,
  'vertical tabs for spaces (Python)': `GET\x0b/a\x0bHTTP/1.1${HOST}`,
  'form feeds for spaces (Python)': `GET\x0c/a HTTP/1.1${HOST}`,
  'separators of ASCII for spaces (Python)': `\x1fGET\x1c/a HTTP/1.1${HOST}`,
  'spaces of ISO 8859-1 (Python)': `GET\x85/a\xa0HTTP/1.1${HOST}`,
  'a bare CR for a space (Python)': `PUT\r/a HTTP/1.1${HOST}`,
  'a method of few servers without a version (Node)': `SOURCE /aHTTP/1.1${HOST}`,
  'absolute-form of another scheme without a version (Node)': `GET ftp://a/aHTTP/1.1${HOST}`,
  'an unknown method and no target (gunicorn)': `FOO  HTTP/1.1${HOST}`,
  'an unknown method and a long absolute-form (Apache, Go)': `FOO http://a/${'x'.repeat(600)} HTTP/1.1${HOST}`,
  'a target without / that is long (gunicorn)': `GET ${'x'.repeat(600)} HTTP/1.1${HOST}`,
}
for (const [name, text] of Object.entries(TAKEN)) {
  t.test(name, async (t) => {
    const send = { dir: 'orig', octets: fromLatin1(text), ended: false } as const
    t.equal(deliver([send]).app, 'http')
    t.equal(deliver([send], 'tcp', octetByOctet).app, 'http', 'octet by octet')
  })
}

t.test("what other apps' clients send stays theirs", async (t) => {
  for (const [app, text] of [
    ['memcached', 'get http://a/b\r\n'],
    ['memcached', `get ${'x '.repeat(600)}\r\n`],
    ['redis', 'GET key\r\nPING\r\n'],
  ] as const) {
    const octets = fromLatin1(text)
    t.equal(deliver([{ dir: 'orig', octets, ended: false }]).app, app, text)
  }
})
