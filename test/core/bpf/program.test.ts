import t from 'tap'
import { relocate, withClassid } from '../../../src/core/bpf/program.js'

/** r6 = 64-bit load, two instructions; then exit. */
const INSTRUCTIONS = Uint8Array.from([
  ...[0x18, 0x06, 0, 0, 0, 0, 0, 0], // BPF_LD | BPF_IMM | BPF_DW, dst r6, src 0, imm 0
  ...[0x00, 0x00, 0, 0, 0, 0, 0, 0],
  ...[0x95, 0x00, 0, 0, 0, 0, 0, 0], // BPF_EXIT
])

t.test('a load that names a map gets its descriptor', (t) => {
  const relocated = relocate(INSTRUCTIONS, [[0, 'endpoints']], new Map([['endpoints', 0x1234]]))
  t.equal(relocated[1], 0x16, 'src_reg BPF_PSEUDO_MAP_FD, dst_reg as it was')
  t.same([...relocated.subarray(4, 8)], [0x34, 0x12, 0, 0], 'imm')
  t.same(relocated.subarray(8), INSTRUCTIONS.subarray(8), 'nothing else changes')
  t.equal(INSTRUCTIONS[1], 0x06, 'nor does the argument')
  t.end()
})

t.test('what can not be relocated is refused', (t) => {
  t.throws(() => relocate(INSTRUCTIONS, [[0, 'endpoints']], new Map()), /names map endpoints: not/)
  const maps = new Map([['endpoints', 3]])
  t.throws(
    () => relocate(INSTRUCTIONS, [[2, 'endpoints']], maps),
    /instruction 2 is no 64-bit load/,
  )
  t.end()
})

t.test('what would be read as the class is put into the code', (t) => {
  const code = Uint8Array.from([
    ...[0x18, 0x06, 72, 0, 0, 0, 0, 0], // the load of a map is none of the context
    ...[0x61, 0x06, 72, 0, 0, 0, 0, 0],
    ...[0x61, 0x17, 68, 0, 0, 0, 0, 0], // r7 = skb->hash
    ...[0x69, 0x17, 72, 0, 0, 0, 0, 0], // r7 = the low half of skb->tc_classid
  ])
  const patched = withClassid(code, 0x1234)
  t.same(patched.subarray(0, 24), code.subarray(0, 24), 'nothing else changes')
  t.same([...patched.subarray(24)], [0xb7, 0x07, 0, 0, 0x34, 0x12, 0, 0], 'r7 = 0x1234')
  t.throws(() => withClassid(INSTRUCTIONS, 1), /reads no tc_classid/)
  t.end()
})
