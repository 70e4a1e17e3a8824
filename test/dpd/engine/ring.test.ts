import t from 'tap'
import { RingReader, RingWriter } from '../../../src/dpd/engine/ring.js'

const CAPACITY = 4096

function ring(): { reader: RingReader; writer: RingWriter; control: Uint32Array } {
  const memory = new ArrayBuffer(192 + CAPACITY)
  const control = new Uint32Array(memory, 0, 48)
  return { reader: new RingReader(memory), writer: new RingWriter(memory), control }
}

function put(writer: RingWriter, octets: number, kind = 1): boolean {
  const at = writer.reserve(octets)
  if (at === null) return false
  writer.view.setUint32(at, octets, true)
  writer.octets[at + 4] = kind
  writer.commit(octets)
  return true
}

t.test('records wait until they are consumed', async (t) => {
  const { reader, writer } = ring()
  t.equal(reader.peek(1000), null)
  put(writer, 40)
  put(writer, 48)
  put(writer, 40)
  t.same(reader.peek(1000), { from: 0, to: 128 })
  const first = reader.peek(41)
  t.same(first, { from: 0, to: 88 }, 'whole records, up to the first one past the limit')
  if (first !== null) reader.consume(first)
  t.same(reader.peek(1000), { from: 88, to: 128 })
})

t.test('no record wraps, and the ring is full before it overwrites', async (t) => {
  const { reader, writer } = ring()
  let written = 0
  let read = 0
  for (let i = 0; i < 5000; i++) {
    const octets = 16 + ((i * 8) % 1000)
    while (!put(writer, octets)) {
      const span = reader.peek(200)
      if (span === null) throw new Error('full and empty at once')
      for (let at = span.from; at < span.to; at += reader.view.getUint32(at, true)) {
        if (reader.octets[at + 4] === 1) read++
      }
      reader.consume(span)
    }
    written++
  }
  for (let span = reader.peek(1e9); span !== null; span = reader.peek(1e9)) {
    for (let at = span.from; at < span.to; at += reader.view.getUint32(at, true)) {
      if (reader.octets[at + 4] === 1) read++
    }
    reader.consume(span)
  }
  t.equal(read, written)
  t.equal(writer.reserve(CAPACITY + 8), null)
})

t.test('positions run over 2^32', async (t) => {
  const { reader, writer, control } = ring()
  control[0] = 2 ** 32 - 16
  control[16] = 2 ** 32 - 16
  put(writer, 64)
  t.equal(control[0], 64, 'a pad of 16, then the record')
  const pad = reader.peek(1000)
  t.same(pad, { from: CAPACITY - 16, to: CAPACITY })
  if (pad !== null) reader.consume(pad)
  t.same(reader.peek(1000), { from: 0, to: 64 })
})

t.test('flags', async (t) => {
  const { reader, writer, control } = ring()
  t.notOk(writer.isReaderAsleep)
  control[32] = 1
  t.ok(writer.isReaderAsleep)
  reader.listen()
  t.equal(control[32], 0)
})
