/** What a process has used: CPU time of its threads to the nanosecond, and memory. proc(5). */
import { readdirSync, readFileSync } from 'node:fs'

/** Absent when it ended between the listing and the reading. */
function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return ''
    throw error
  }
}

/** schedstat's first number: nanoseconds on a CPU. Threads that ended are not in it. */
export function cpuNs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`)
  return threads
    .map((thread) => Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0]))
    .reduce((sum, ns) => sum + ns, 0)
}

export function residentOctets(pid: number): number {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
  return Number(kib) * 1024
}

/** Packets that a sender could not finish itself are taken on by these. */
export function softirqThreads(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && read(`/proc/${name}/comm`).startsWith('ksoftirqd/'))
    .map(Number)
}

export interface MachineTime {
  readonly all: number
  readonly stolen: number
}

/** Ticks of all CPUs since the machine started. */
export function machineTime(): MachineTime {
  const ticks = /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1] ?? ''
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, stolen = 0] =
    ticks.split(' ').map(Number)
  return { all: user + nice + system + idle + iowait + irq + softirq + stolen, stolen }
}
