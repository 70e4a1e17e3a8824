import { gzipSync } from 'node:zlib'
import t from 'tap'
import { unpackCapture } from '../../src/dpd/capture-file.js'

const plain = Uint8Array.from({ length: 100 }, (_, at) => at)

t.test('gzipped or not', async (t) => {
  t.same([...unpackCapture(plain)], [...plain])
  t.same([...unpackCapture(gzipSync(plain))], [...plain])
})

t.test('what is no whole gzip file, or too large, is refused', async (t) => {
  const packed = gzipSync(plain)
  t.throws(() => unpackCapture(packed.subarray(0, packed.length - 9)))
  t.throws(() => unpackCapture(packed, plain.length - 1))
})
