/** Captures of real clients and servers through engine, parsers and judge, by CPU time. */
import { replayRounds } from '../replay.js'
import type { NodeWorkload } from './workload.js'

export const replay: NodeWorkload = {
  name: 'replay',
  about: 'captures through engine, parsers and judge, packets per CPU second',
  async run(sheet, _, rounds) {
    const head = { workload: 'replay', name: 'replay', better: 'more', base: null } as const
    const row = sheet.open({ ...head, unit: 'million packets/CPU s' })
    for (let round = 1; round <= rounds; round++)
      for (const { name, mpps } of await replayRounds(1)) sheet.put(row, name, mpps.median)
  },
}
