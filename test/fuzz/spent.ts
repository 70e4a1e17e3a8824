/** Work is measured in what it costs the processor: who waits for one is not slow. */

/** Of all threads of this process, since it began (getrusage(2)). */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
