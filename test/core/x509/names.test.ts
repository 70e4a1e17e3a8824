import t from 'tap'
import { certificateNames, NAMES_MAX } from '../../../src/core/x509/names.js'
import { certificate, commonName, der, dnsName, ipAddress, type Octets } from './certificate.js'

const namesOf = (octets: Octets) => certificateNames(Uint8Array.from(octets))

t.test('common name, DNS names, addresses; each once, in lower case', async (t) => {
  const octets = certificate({
    subject: commonName('Shop.Example'),
    names: [
      dnsName('shop.example'),
      dnsName('*.shop.example'),
      ipAddress(192, 0, 2, 7),
      ipAddress(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7),
      // rfc822Name, and an address that is none.
      der(0x81, [0x61]),
      ipAddress(1, 2, 3),
    ],
  })
  t.same(namesOf(octets), ['shop.example', '*.shop.example', '192.0.2.7', '2001:db8::7'])
})

t.test('version 1, without extensions', async (t) => {
  t.same(namesOf(certificate({ subject: commonName('a'), isV1: true })), ['a'])
  t.same(namesOf(certificate({})), [])
})

t.test('strings of each kind', async (t) => {
  t.same(namesOf(certificate({ subject: commonName('köln') })), ['köln'])
  t.same(namesOf(certificate({ subject: commonName('a', 0x13) })), ['a'])
  const bmp = certificate({
    subject: der(0x31, der(0x30, [6, 3, 0x55, 4, 3, 0x1e, 4, 0, 0x61, 1, 0x7e])),
  })
  t.same(namesOf(bmp), ['až'])
  t.same(namesOf(certificate({ subject: commonName('x'.repeat(300)) })), [], 'too long')
})

t.test('more names than are kept', async (t) => {
  const names = Array.from({ length: 100 }, (_, i) => dnsName(`${i}.example`))
  t.equal(namesOf(certificate({ names }))?.length, NAMES_MAX)
})

t.test('what is no certificate', async (t) => {
  const sound = certificate({ subject: commonName('a'), names: [dnsName('b')] })
  t.equal(namesOf([]), null)
  t.equal(namesOf([0x30, 0x80, 0, 0]), null, 'an indefinite length')
  t.equal(namesOf([0x30, 0x84, 0, 0, 0, 0]), null, 'a length of four octets')
  t.equal(namesOf(sound.slice(0, 20)), null)
  t.equal(namesOf([0x31, ...sound.slice(1)]), null)
  for (let at = 0; at < sound.length; at++) {
    for (const octet of [0, 0x7f, 0x80, 0xff]) {
      const bent = [...sound]
      bent[at] = octet
      const names = namesOf(bent)
      if (names !== null && !names.every((name) => name.length < 64)) t.fail(`octet ${at}`)
    }
  }
  t.pass('any octet may be wrong')
})
