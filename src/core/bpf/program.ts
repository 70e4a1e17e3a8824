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

/** Writes the maps' file descriptors into the loads that name them (struct bpf_insn.imm). */
export function relocate(
  instructions: Uint8Array,
  relocations: ProgramSpec['relocations'],
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
