/**
 * A pod whose interface stays as it is: rules in its mangle table queue what crosses it, and the real
 * engine has the queue. client eth0 - eth0 pod, with 10.9.0.1, fd09::1 and 10.9.0.2, fd09::2.
 */

import type { Test } from 'tap'
import { type Netns, testNetns, vethPair } from '../netns.js'
import { startClient, startServer, type Transferred } from './engine-bench.js'
import { ShardEngine } from './shard-engine.js'

export const POD = 1
export const LOOPBACK = 2
const MASK = '0xff000000'

export interface Rules {
  /** Of the connection marks that pass unseen. */
  readonly generation: number
  /** Where nobody has the queue, packets pass. */
  readonly bypass?: boolean
}

export interface QueueBench {
  readonly engine: ShardEngine
  readonly client: Netns
  readonly pod: Netns
  rules(rules: Rules): void
  /** In the order that leaves no packet to the policy before. */
  setPolicy(generation: number, block: Uint8Array): Promise<void>
  openQueue(): Promise<void>
  /** Packets that came to the engine so far. */
  queued(): number
  readonly transfer: (host: string, octets: number) => Promise<Transferred>
  /** From the pod to itself. */
  readonly transferWithin: (host: string, octets: number) => Promise<Transferred>
  /** What the pod's server has printed so far. */
  readonly server: () => string
}

const mark = (generation: number): string => `0x${generation.toString(16).padStart(2, '0')}000000`

function chain(name: string, queue: number, { generation, bypass }: Rules): string {
  const target = `NFQUEUE --queue-num ${queue}${bypass ? ' --queue-bypass' : ''}`
  // No rule clears a mark of the pod's own: each verdict has to.
  return `-A ${name} -p tcp ! --tcp-flags SYN,FIN,RST NONE -j ${target}
-A ${name} -m connmark --mark ${mark(generation)}/${MASK} -j RETURN
-A ${name} -j ${target}`
}

function ruleset(rules: Rules): string {
  const save = `-m mark ! --mark 0/${MASK} -j CONNMARK --save-mark --nfmask ${MASK} --ctmask ${MASK}`
  return `*mangle
:eth - [0:0]
:loop - [0:0]
-A INPUT -i eth0 -j eth
-A OUTPUT -o eth0 -j eth
-A OUTPUT -o lo -j loop
${chain('eth', POD, rules)}
${chain('loop', LOOPBACK, { ...rules, bypass: true })}
COMMIT
*filter
-A INPUT ${save}
-A OUTPUT ${save}
COMMIT
`
}

export async function queueBench(t: Test): Promise<QueueBench> {
  const client = testNetns(t, 'vqc')
  const pod = testNetns(t, 'vqp')
  vethPair(
    { netns: client, ifName: 'eth0', addresses: ['10.9.0.1/24', 'fd09::1/64'] },
    { netns: pod, ifName: 'eth0', addresses: ['10.9.0.2/24', 'fd09::2/64'] },
  )
  const engine = new ShardEngine({
    netnsFd: testNetns(t, 'vqe').fd,
    ifName: 'lo',
    // A busy test machine is no reason for a hold to end.
    limits: { holdMs: 60_000 },
    heartbeat: { slot: 0, mapFd: null, file: null },
    flowMapFd: null,
    key: Buffer.alloc(16, 7),
  })
  t.teardown(() => engine.stop())
  const endpoint = {
    path: 'inline',
    failure: 'closed',
    strict: false,
    deliverAll: false,
    identifies: false,
    own: null,
    dhcpServers: [],
    epoch: 0,
  } as const
  await engine.setEndpoint({ ...endpoint, id: POD })
  await engine.setEndpoint({ ...endpoint, id: LOOPBACK })
  engine.start()
  const ifindex = Number(pod.ipJson('link show dev eth0')[0]?.ifindex)
  const queue = { netnsFd: pod.fd, failOpen: false }
  const rules = (rules: Rules): void => {
    for (const command of ['iptables-restore', 'ip6tables-restore'])
      pod.exec(command, [], { input: ruleset(rules) })
  }
  return {
    engine,
    client,
    pod,
    rules,
    setPolicy: async (generation, block) => {
      rules({ generation })
      await engine.setPolicy(block)
      for (const id of [POD, LOOPBACK]) await engine.setQueueMark(id, generation)
    },
    openQueue: async () => {
      const eth = { id: POD, queue: POD, ifindex, mtuOctets: 1500, isLoopback: false }
      const loop = {
        id: LOOPBACK,
        queue: LOOPBACK,
        ifindex: 1,
        mtuOctets: 65_535,
        isLoopback: true,
      }
      await engine.openQueue({ ...queue, ...eth })
      await engine.openQueue({ ...queue, ...loop })
    },
    queued: () => Number(engine.counters().queue_packets),
    server: await startServer(t, pod),
    transfer: startClient(t, client),
    transferWithin: startClient(t, pod),
  }
}
