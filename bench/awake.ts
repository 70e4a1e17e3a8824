/**
 * Keeps every CPU out of its idle state: in a virtual machine a halted CPU is woken through the
 * hypervisor, which takes longer than the round trip that is measured. SCHED_IDLE gives way to all else.
 */
import { spawn } from 'node:child_process'
import { cpus } from 'node:os'
import { ENDS_WITH_US } from '../test/process.js'

const SPIN = 'while :; do :; done'

export async function withCpusAwake<T>(measure: () => Promise<T>): Promise<T> {
  const spinners = cpus().map((_, cpu) => {
    const spin = ['taskset', '-c', String(cpu), 'chrt', '-i', '0', 'sh', '-c', SPIN]
    return spawn('setpriv', [...ENDS_WITH_US, ...spin], { stdio: 'ignore' })
  })
  try {
    return await measure()
  } finally {
    for (const spinner of spinners) spinner.kill('SIGKILL')
  }
}
