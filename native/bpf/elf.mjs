// What generate.mjs needs of an eBPF object (ELF64, little endian, EM_BPF): sections, symbols and
// R_BPF_64_64 relocations. See elf(5) and Documentation/bpf/llvm_reloc.rst.
const SHT_SYMTAB = 2
const SHT_REL = 9
const R_BPF_64_64 = 1
const EM_BPF = 247

function textAt(table, offset) {
  return table.subarray(offset, table.indexOf(0, offset)).toString('latin1')
}

function readSections(elf) {
  const at = Number(elf.readBigUInt64LE(0x28))
  const octets = elf.readUInt16LE(0x3a)
  const sections = Array.from({ length: elf.readUInt16LE(0x3c) }, (_, index) => {
    const header = elf.subarray(at + index * octets, at + (index + 1) * octets)
    const offset = Number(header.readBigUInt64LE(0x18))
    return {
      index,
      nameOffset: header.readUInt32LE(0),
      type: header.readUInt32LE(4),
      data: elf.subarray(offset, offset + Number(header.readBigUInt64LE(0x20))),
      link: header.readUInt32LE(0x28),
      info: header.readUInt32LE(0x2c),
    }
  })
  const names = sections[elf.readUInt16LE(0x3e)].data
  return sections.map((section) => ({ ...section, name: textAt(names, section.nameOffset) }))
}

function readSymbols(sections) {
  const table = sections.find((section) => section.type === SHT_SYMTAB)
  const names = sections[table.link].data
  return Array.from({ length: table.data.length / 24 }, (_, index) => {
    const entry = table.data.subarray(index * 24, index * 24 + 24)
    return {
      name: textAt(names, entry.readUInt32LE(0)),
      section: entry.readUInt16LE(6),
      value: Number(entry.readBigUInt64LE(8)),
    }
  })
}

/** Relocations of one section: which symbol each 16-octet load instruction names. */
function relocationsOf(section, sections, symbols) {
  const table = sections.find((s) => s.type === SHT_REL && s.info === section.index)
  if (table === undefined) return []
  return Array.from({ length: table.data.length / 16 }, (_, index) => {
    const info = table.data.readBigUInt64LE(index * 16 + 8)
    const symbol = symbols[Number(info >> 32n)]
    if (Number(info & 0xffffffffn) !== R_BPF_64_64) {
      throw new Error(`${section.name}: relocation of ${symbol.name} is not R_BPF_64_64`)
    }
    return { instruction: Number(table.data.readBigUInt64LE(index * 16)) / 8, symbol: symbol.name }
  })
}

/** Programs are the sections `tc/NAME`; maps the 20-octet `struct map_spec` of section `maps`. */
export function readObject(elf) {
  if (elf.readUInt32BE(0) !== 0x7f454c46 || elf[5] !== 1 || elf.readUInt16LE(0x12) !== EM_BPF) {
    throw new Error('not a little-endian eBPF object')
  }
  const sections = readSections(elf)
  const symbols = readSymbols(sections)
  const specs = sections.find((section) => section.name === 'maps')
  const maps = symbols
    .filter((symbol) => symbol.section === specs.index && symbol.name !== '')
    .sort((a, b) => a.value - b.value)
    .map(({ name, value }) => {
      const [type, keyOctets, valueOctets, maxEntries, flags] = [0, 4, 8, 12, 16].map((at) =>
        specs.data.readUInt32LE(value + at),
      )
      return { name, type, keyOctets, valueOctets, maxEntries, flags }
    })
  const programs = sections
    .filter((section) => section.name.startsWith('tc/'))
    .map((section) => ({
      name: section.name.slice('tc/'.length),
      instructions: section.data,
      relocations: relocationsOf(section, sections, symbols),
    }))
  return { maps, programs }
}
