/** The command records of native/engine/records.h, encoded. Integers are host order, as in `records.ts`. */
import type { Dir, EngineCommand } from '../../core/inspect/contract.js'

const COMMAND_HEADER_OCTETS = 48
const TWO_32 = 2 ** 32

const COMMANDS = { need: 1, skip: 2, release: 3, deny: 4, settle: 5, recalled: 6 } as const
const ANSWER_RESET = 0
const ANSWER_ICMP = 1
const ANSWER_REFUSAL = 2
const THEN_CLOSE = 0
const THEN_CONTINUE = 1
const SETTLE = { allow: 1, deny: 2 } as const

/** struct CommandHeader; the refusal's octets follow it. */
const CMD = {
  octets: 0,
  kind: 4,
  dir: 5,
  answer: 6,
  afterwards: 7,
  flow: 8,
  at: 16,
  count: 24,
  generation: 32,
  rule: 36,
  verdict: 40,
  refusalOctets: 44,
} as const

/** Of the whole record: a multiple of 8. */
export function commandOctets(command: EngineCommand): number {
  return COMMAND_HEADER_OCTETS + ((refusalOf(command).length + 7) & ~7)
}

/** Writes commandOctets(command) octets at `at`. */
export function encodeCommand(
  octets: Uint8Array,
  view: DataView,
  at: number,
  command: EngineCommand,
): void {
  const length = commandOctets(command)
  octets.fill(0, at, at + length)
  view.setUint32(at + CMD.octets, length, true)
  view.setUint8(at + CMD.kind, COMMANDS[command.cmd])
  setUint64(view, at + CMD.flow, command.flow)
  view.setUint32(at + CMD.generation, command.generation, true)
  switch (command.cmd) {
    case 'need':
      setDir(view, at, command.dir)
      setUint64(view, at + CMD.count, command.octets)
      break
    case 'skip':
      setDir(view, at, command.dir)
      setUint64(view, at + CMD.at, command.from)
      setUint64(view, at + CMD.count, command.octets)
      break
    case 'release':
      setDir(view, at, command.dir)
      setUint64(view, at + CMD.at, command.upTo)
      view.setUint32(at + CMD.rule, command.rule, true)
      break
    case 'deny':
      encodeDenial(octets, view, at, command)
      break
    case 'settle':
      view.setUint32(at + CMD.rule, command.rule, true)
      view.setUint32(at + CMD.verdict, SETTLE[command.verdict], true)
      break
    case 'recalled':
      break
  }
}

function encodeDenial(
  octets: Uint8Array,
  view: DataView,
  at: number,
  command: Extract<EngineCommand, { cmd: 'deny' }>,
): void {
  const refusal = refusalOf(command)
  setDir(view, at, command.dir)
  setUint64(view, at + CMD.at, command.from)
  view.setUint32(at + CMD.rule, command.rule, true)
  view.setUint8(at + CMD.answer, answerCode(command.answer))
  view.setUint8(at + CMD.afterwards, command.then === 'close' ? THEN_CLOSE : THEN_CONTINUE)
  view.setUint32(at + CMD.refusalOctets, refusal.length, true)
  octets.set(refusal, at + COMMAND_HEADER_OCTETS)
}

function setDir(view: DataView, at: number, dir: Dir): void {
  view.setUint8(at + CMD.dir, dir === 'orig' ? 0 : 1)
}

const NO_OCTETS = new Uint8Array(0)

function refusalOf(command: EngineCommand): Uint8Array {
  if (command.cmd !== 'deny' || typeof command.answer === 'string') return NO_OCTETS
  return command.answer.refusal
}

function answerCode(answer: Extract<EngineCommand, { cmd: 'deny' }>['answer']): number {
  if (answer === 'reset') return ANSWER_RESET
  return answer === 'icmp' ? ANSWER_ICMP : ANSWER_REFUSAL
}

/** 'toEnd' is all ones. */
function setUint64(view: DataView, at: number, value: number | 'toEnd'): void {
  const toEnd = value === 'toEnd'
  view.setUint32(at, toEnd ? 0xffffffff : value % TWO_32, true)
  view.setUint32(at + 4, toEnd ? 0xffffffff : Math.floor(value / TWO_32), true)
}
