/** iperf3: TCP streams and small datagrams. */
import * as z from 'zod'
import type { Link } from '../bed.js'
import { PORTS } from '../paths.js'
import type { PathWorkload } from './workload.js'

const reportSchema = z.object({
  error: z.string().optional(),
  end: z.object({
    sum_received: z.object({ bits_per_second: z.number() }).optional(),
    sum: z
      .object({ packets: z.number(), lost_packets: z.number(), seconds: z.number() })
      .optional()
      .catch(undefined),
  }),
})

async function iperf3({ client, server }: Link, seconds: number, more: readonly string[]) {
  const to = ['-c', server.ip4, '-p', String(PORTS.iperf), '-t', String(seconds), '-J']
  const { stdout, stderr } = await client.exec('iperf3', [...to, ...more], {
    timeoutMs: (seconds + 30) * 1000,
  })
  if (stdout === '') throw new Error(`iperf3: ${stderr}`)
  const report = reportSchema.parse(JSON.parse(stdout))
  if (report.error !== undefined) throw new Error(`iperf3: ${report.error}`)
  return report.end
}

function tcp(name: string, title: string, streams: number): PathWorkload {
  return {
    name,
    about: `iperf3 over ${streams} TCP connection${streams > 1 ? 's' : ''}`,
    servers: ['iperf3'],
    metrics: [{ name: title, unit: 'Gbit/s', better: 'more', base: 'plain' }],
    async measure(link, { seconds }) {
      const { sum_received: received } = await iperf3(link, seconds, ['-P', String(streams)])
      if (received === undefined) throw new Error('iperf3: nothing received')
      return { [title]: received.bits_per_second / 1e9 }
    },
  }
}

const DATAGRAMS = 'UDP of 64 octets, received'

export const transfers: readonly PathWorkload[] = [
  tcp('tcp1', 'TCP, 1 stream', 1),
  tcp('tcp4', 'TCP, 4 streams', 4),
  {
    name: 'udp64',
    about: 'iperf3, datagrams of 64 octets as fast as one sender can',
    servers: ['iperf3'],
    metrics: [{ name: DATAGRAMS, unit: 'thousand/s', better: 'more', base: 'plain' }],
    async measure(link, { seconds }) {
      const { sum } = await iperf3(link, seconds, ['-u', '-b', '0', '-l', '64'])
      if (sum === undefined) throw new Error('iperf3: no datagrams counted')
      return { [DATAGRAMS]: (sum.packets - sum.lost_packets) / sum.seconds / 1000 }
    },
  },
]
