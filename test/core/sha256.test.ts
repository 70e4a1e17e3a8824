import { createHash } from 'node:crypto'
import t from 'tap'
import { sha256Hex } from '../../src/core/sha256.js'

t.test('as node:crypto has it, at every length of padding', async (t) => {
  for (let octets = 0; octets <= 200; octets++) {
    const text = 'vethwall\0é'.repeat(20).slice(0, octets)
    const want = createHash('sha256').update(text).digest('hex')
    if (sha256Hex(text) !== want) t.fail(`${octets} characters`)
  }
  t.pass('201 lengths')
})

t.test('the examples of FIPS 180-2, appendix B', async (t) => {
  t.equal(sha256Hex('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  t.equal(
    sha256Hex('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'),
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  )
})
