/**
 * eBPF programs and maps as data (linux/bpf.h): `native/bpf/generate.mjs` writes them, the loader
 * gives the maps their file descriptors.
 */
import { HOST_LITTLE_ENDIAN, viewOf } from '../netlink/attribute.js'

export interface MapSpec {
  readonly name: string
  /** enum bpf_map_type. */
  readonly type: number
  readonly keyOctets: number
  readonly valueOctets: number
  readonly maxEntries: number
  readonly flags: number
}

export interface ProgramSpec {
  readonly name: string
  /** Nearly everybody finds it pinned: told when it is to be loaded. */
  code(): ProgramCode
}

export interface ProgramCode {
  /** struct bpf_insn, base64. */
  readonly instructions: string
  /** Index of a 16-octet load, and the map whose file descriptor it takes. */
  readonly relocations: readonly (readonly [instruction: number, map: string])[]
}

const BPF_INSN_OCTETS = 8
/** BPF_LD | BPF_IMM | BPF_DW: the load that takes two instructions. */
const LD_IMM64 = 0x18
/** In src_reg: the immediate is a map's file descriptor. */
const BPF_PSEUDO_MAP_FD = 1

/** BPF_LDX | BPF_MEM, of a u32 and of its low half; BPF_ALU64 | BPF_MOV | BPF_K (linux/bpf_common.h). */
const LOADS = [0x61, 0x69]
const MOVE_IMMEDIATE = 0xb7
/** struct __sk_buff. No map value and no stack slot of ours is that far from its pointer. */
const TC_CLASSID_OFFSET = 72

/**
 * For hooks without a filter, whose class the program would read as `skb->tc_classid`: what it would read
 * is put into the code.
 */
export function withClassid(instructions: Uint8Array, classid: number): Uint8Array {
  const patched = instructions.slice()
  const view = viewOf(patched)
  let found = 0
  for (let at = 0; at < patched.length; at += BPF_INSN_OCTETS) {
    const code = patched[at] ?? 0
    if (code === LD_IMM64) at += BPF_INSN_OCTETS
    else if (LOADS.includes(code) && view.getInt16(at + 2, true) === TC_CLASSID_OFFSET) {
      view.setUint8(at, MOVE_IMMEDIATE)
      view.setUint8(at + 1, view.getUint8(at + 1) & 0x0f)
      view.setInt16(at + 2, 0, true)
      view.setInt32(at + 4, classid, HOST_LITTLE_ENDIAN)
      found++
    }
  }
  if (found === 0) throw new Error('the program reads no tc_classid')
  return patched
}

/** Writes the maps' file descriptors into the loads that name them (struct bpf_insn.imm). */
export function relocate(
  instructions: Uint8Array,
  relocations: ProgramCode['relocations'],
  mapFds: ReadonlyMap<string, number>,
): Uint8Array {
  const relocated = instructions.slice()
  const view = viewOf(relocated)
  for (const [instruction, map] of relocations) {
    const at = instruction * BPF_INSN_OCTETS
    const fd = mapFds.get(map)
    if (fd === undefined) throw new Error(`instruction ${instruction} names map ${map}: not loaded`)
    if (relocated[at] !== LD_IMM64) {
      throw new Error(`instruction ${instruction} is no 64-bit load: it can't name map ${map}`)
    }
    // dst_reg and src_reg share an octet; dst is the low half on a little-endian machine.
    const dst = view.getUint8(at + 1) & 0x0f
    view.setUint8(at + 1, (BPF_PSEUDO_MAP_FD << 4) | dst)
    view.setInt32(at + 4, fd, HOST_LITTLE_ENDIAN)
  }
  return relocated
}
