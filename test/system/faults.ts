/** An operating system that fails at a chosen call: before it happened, after it did, or for good from then on. */
import { type Os, OsError } from '../../src/intercept/os.js'

/** `dead`: no later call gets through either, not even those that undo. `killed`: the process ends there. */
export type FaultMode = 'before' | 'after' | 'dead' | 'killed'

export interface Gate {
  calls: number
  readonly at: number
  readonly mode: FaultMode
}

const NEVER = Number.POSITIVE_INFINITY

export function gate(at = NEVER, mode: FaultMode = 'before'): Gate {
  return { calls: 0, at, mode }
}

function fault(name: string): OsError {
  return new OsError('EIO', 5, name, 'fault under test')
}

/** Methods of `target` through the gate; `close` always works, as it does in a kernel. */
export function through<T extends object>(gate: Gate, target: T): T {
  return new Proxy(target, {
    get(inner, name, receiver) {
      const value: unknown = Reflect.get(inner, name, receiver)
      if (typeof value !== 'function' || name === 'close') return value
      return (...args: unknown[]) => {
        gate.calls++
        const isDue = gate.mode === 'dead' ? gate.calls >= gate.at : gate.calls === gate.at
        if (isDue && gate.mode === 'killed') process.kill(process.pid, 'SIGKILL')
        if (isDue && gate.mode !== 'after') throw fault(String(name))
        const result: unknown = Reflect.apply(value, inner, args)
        if (isDue) throw fault(String(name))
        return result
      }
    },
  })
}

export function osThrough(gate: Gate, os: Os): Os {
  return through(gate, os)
}
