/** Captures of real clients and servers through engine, parsers and judge, by CPU time. */
import { replayRounds } from '../replay.js'
import type { NodeWorkload } from './workload.js'

export const replay: NodeWorkload = {
  name: 'replay',
  about: 'captures through engine, parsers and judge, packets per CPU second',
  async run(sheet, _, rounds) {
    const head = { workload: 'replay', name: 'replay', better: 'more', base: null } as const
    const unit = 'million packets/CPU s'
    const rows = [
      ['identify', sheet.open({ ...head, unit })],
      ['transactions', sheet.open({ ...head, name: 'replay, every transaction', unit })],
    ] as const
    for (let round = 1; round <= rounds; round++)
      for (const [depth, row] of rows)
        for (const { name, mpps } of await replayRounds(depth, 1)) sheet.put(row, name, mpps.median)
  },
}
