/** A small result: two paths, one of which missed a round, and rules. */
import { type Result, resultSchema } from '../../bench/result.js'

export function sampleResult(): Result {
  return resultSchema.parse({
    format: 1,
    startedAt: '2026-01-02T03:04:05.000Z',
    tookSeconds: 61.4,
    machine: {
      cpu: 'A <CPU>',
      cores: 2,
      memoryKiB: 16 * 1024 * 1024,
      kernel: '6.18.44',
      node: 'v20.20.2',
      commit: 'abcdef0',
      loadBefore: 0.25,
      stolenPercent: 1.5,
    },
    rounds: 3,
    rows: [
      {
        ...{
          workload: 'tcp1',
          name: 'TCP, 1 stream',
          unit: 'Gbit/s',
          better: 'more',
          base: 'plain',
        },
        series: { plain: [10, 8, 12], inline: [9.7, 7.6, 12], 'inline-content': [5, null, 6] },
      },
      {
        ...{
          workload: 'tcp4',
          name: 'TCP, 4 streams',
          unit: 'Gbit/s',
          better: 'more',
          base: 'plain',
        },
        series: { plain: [10, 10, 10], inline: [9, 9, 9.1] },
      },
      {
        ...{
          workload: 'rules',
          name: 'packet under rules',
          unit: 'ns',
          better: 'less',
          base: '10',
        },
        series: { 10: [2000, 2000, 2000], 10000: [2020, 2090, 2110] },
      },
      {
        ...{ workload: 'add', name: 'ADD above the bridge', unit: '× node -e 0', better: 'less' },
        ...{ base: null, series: { vethwall: [1.5, 1.7, 1.4] } },
      },
    ],
    failures: [{ workload: 'tcp1', series: 'inline-content', error: 'iperf3: unable to connect' }],
  })
}
