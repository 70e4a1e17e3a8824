import { createHash } from 'node:crypto'
import t from 'tap'
import { md5Hex } from '../../src/core/md5.js'

t.test('RFC 1321 A.5', async (t) => {
  const suite: Readonly<Record<string, string>> = {
    '': 'd41d8cd98f00b204e9800998ecf8427e',
    a: '0cc175b9c0f1b6a831c399e269772661',
    'message digest': 'f96b697d7cb7938d525a2f31aaf161d0',
    abcdefghijklmnopqrstuvwxyz: 'c3fcd3d76192e4007dfb496cca67e13b',
  }
  for (const [text, digest] of Object.entries(suite)) t.equal(md5Hex(text), digest, text)
})

t.test('lengths around the block', async (t) => {
  for (let length = 0; length < 200; length++) {
    const text = Array.from({ length }, (_, i) => String.fromCharCode(33 + ((i * 7) % 90))).join('')
    t.equal(md5Hex(text), createHash('md5').update(text).digest('hex'), `${length} characters`)
  }
})
