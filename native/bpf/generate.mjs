// vethwall.bpf.c -> src/intercept/bpf/program.generated.ts, so that neither a build nor a node needs
// clang, libbpf or an ELF reader. `--check` only compares: CI's proof that the committed file is
// what this source makes.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readObject } from './elf.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const target = join(here, '../../src/intercept/bpf/program.generated.ts')
/** Another major version may emit other instructions for the same source. */
const CLANG = 14
/** Debian's multiarch folder: asm/types.h is not below /usr/include itself. */
const MULTIARCH = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }[process.arch]

function compile() {
  const version = execFileSync('clang', ['-dumpversion'], { encoding: 'utf8' })
  if (Number.parseInt(version, 10) !== CLANG) {
    throw new Error(
      `clang ${version.trim()} found, ${CLANG} wanted: apt-get install clang-${CLANG}`,
    )
  }
  const folder = mkdtempSync(join(tmpdir(), 'vethwall-bpf-'))
  try {
    const object = join(folder, 'vethwall.bpf.o')
    // v2: the instruction set that every verifier since 4.14 knows.
    const code = [
      '-O2',
      '-target',
      'bpfel',
      '-mcpu=v2',
      '-ffreestanding',
      '-Wall',
      '-Wextra',
      '-Werror',
    ]
    const quiet = ['-Wno-unused-parameter', '-Wno-unused-const-variable']
    const include = ['-I.', '-idirafter', `/usr/include/${MULTIARCH}`]
    const files = ['-c', 'vethwall.bpf.c', '-o', object]
    execFileSync('clang', [...code, ...quiet, ...include, ...files], {
      cwd: here,
      stdio: 'inherit',
    })
    return readFileSync(object)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function shortHash(value) {
  return createHash('sha256').update(value).digest('hex').slice(0, 12)
}

function quoted(value) {
  return `'${value}'`
}

function wrapped(base64) {
  return base64
    .match(/.{1,88}/g)
    .map((line) => `      '${line}',`)
    .join('\n')
}

function mapLiteral(map) {
  const { name, ...numbers } = map
  const rest = Object.entries(numbers).map(([key, value]) => `${key}: ${value}`)
  return `  { name: ${quoted(name)}, ${rest.join(', ')} },`
}

function programLiteral({ name, instructions, relocations }) {
  const uses = relocations.map((r) => `[${r.instruction}, ${quoted(r.symbol)}]`).join(', ')
  return [
    '  {',
    `    name: ${quoted(name)},`,
    '    code: () => ({',
    '    instructions: [',
    wrapped(instructions.toString('base64')),
    "    ].join(''),",
    `    relocations: [${uses}],`,
    '    }),',
    '  },',
  ].join('\n')
}

function generated({ maps, programs }) {
  const version = shortHash(
    JSON.stringify(programs.map((p) => [p.name, p.instructions.toString('hex'), p.relocations])),
  )
  const text = `// Made by native/bpf/generate.mjs from native/bpf/vethwall.bpf.c with clang ${CLANG}: do not edit.
import type { MapSpec, ProgramSpec } from '../../core/bpf/program.js'

/** Changes with any instruction. */
export const PROGRAM_VERSION = '${version}'
/** Changes with the layout of any map: programs of equal layout share their maps. */
export const MAPS_VERSION = '${shortHash(JSON.stringify(maps))}'

export const MAPS = [
${maps.map(mapLiteral).join('\n')}
] as const satisfies readonly MapSpec[]

export const PROGRAMS = [
${programs.map(programLiteral).join('\n')}
] as const satisfies readonly ProgramSpec[]
`
  const biome = join(here, '../../node_modules/.bin/biome')
  const options = { input: text, encoding: 'utf8', cwd: join(here, '../..') }
  return execFileSync(biome, ['format', '--stdin-file-path=program.generated.ts'], options)
}

const text = generated(readObject(compile()))
if (!process.argv.includes('--check')) {
  writeFileSync(target, text)
} else if (readFileSync(target, 'utf8') !== text) {
  console.error(`${target} is not what vethwall.bpf.c makes: run node native/bpf/generate.mjs`)
  process.exitCode = 1
}
