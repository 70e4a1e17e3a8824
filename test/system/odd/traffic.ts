/** What goes between an intercepted pod and a plain peer, in both families and both directions. */
import type { Test } from 'tap'
import type { Netns } from '../../netns.js'
import type { Pod } from '../../node.js'
import { FAMILIES, type Family, heard, pinged, send, sendSegmented, streamed } from './sockets.js'

/** Of the stream echo. */
export const ECHO_PORT = 7
/** One that a rule denies. */
export const DENIED_PORT = 9
const UDP_PORT = 5000

export const ipOf = (pod: Pod, family: Family): string => (family === 4 ? pod.ip4 : pod.ip6)

interface Way {
  readonly family: Family
  readonly from: Pod
  readonly to: Pod
  readonly host: string
  readonly port: number
  readonly name: string
}

/** Both families in both directions: all at once, each with a port of its own: what a sender hears of itself is another's. */
function ways(pod: Pod, peer: Pod): Way[] {
  const pairs = [
    [pod, peer],
    [peer, pod],
  ] as const
  return FAMILIES.flatMap((family) =>
    pairs.map(([from, to], at) => ({
      ...{ family, from, to, host: ipOf(to, family), port: UDP_PORT + 10 * family + at },
      name: `IPv${family} from ${from.name} to ${to.name}`,
    })),
  )
}

/** Uncut. */
export async function frames(t: Test, pod: Pod, peer: Pod, mtuOctets: number): Promise<void> {
  const each = ways(pod, peer).map(async ({ family, from, to, host, port, name }) => {
    const octets = mtuOctets - (family === 4 ? 28 : 48)
    t.equal(await pinged(from, host, mtuOctets), '2 received', `${name}: ping of ${mtuOctets}`)
    const datagrams = await heard(to, { port, family, count: 2 }, () =>
      send(from, { host, port }, ['one', 'two'], octets),
    )
    const lengths = datagrams.map(([length]) => length)
    t.same(lengths, [octets, octets], `${name}: datagrams`)
  })
  await Promise.all(each)
}

/** By an echo: each stream goes both ways. */
export async function whole(t: Test, pod: Pod, peer: Pod): Promise<void> {
  const each = ways(pod, peer).map(async ({ from, host, name }) => {
    t.equal(await streamed(from, host, ECHO_PORT), 'equal', `${name}: a stream there and back`)
  })
  await Promise.all(each)
}

/** What is allowed arrives whole; a denied port is refused. */
export async function judged(t: Test, pod: Pod, peer: Pod): Promise<void> {
  await whole(t, pod, peer)
  for (const family of FAMILIES) {
    const refused = await streamed(peer, ipOf(pod, family), DENIED_PORT, 10)
    t.match(refused, /refused|reset/i, `${pod.name}: IPv${family}, a denied port`)
  }
}

const SEGMENTS = { octets: 1200, each: 20, rounds: 5 }

export async function segmented(t: Test, pod: Pod, peer: Pod): Promise<void> {
  const { octets, each, rounds } = SEGMENTS
  const want = Array.from({ length: each * rounds }, (_, at) => [
    at % each === each - 1 ? octets / 2 : octets,
    String(at).padStart(8, '0'),
  ])
  const all = ways(pod, peer).map(async ({ family, from, to, host, port, name }) => {
    const got = await heard(to, { port, family, count: want.length }, () =>
      sendSegmented(from, { host, port }, SEGMENTS),
    )
    t.same(got, want, `${name}: every datagram as it was cut`)
  })
  await Promise.all(all)
}

const GROUPS = {
  4: { joined: '239.9.9.1', early: '239.9.9.9', never: '239.9.9.7' },
  6: { joined: 'ff05::9:1', early: 'ff05::9:9', never: 'ff05::9:7' },
} as const

/** As an owner of the pod would before us. */
export function joinEarly(netns: Netns): void {
  for (const family of FAMILIES) {
    const bits = family === 4 ? 32 : 128
    netns.ip(`address add ${GROUPS[family].early}/${bits} dev eth0 autojoin`)
  }
}

export async function groups(t: Test, pod: Pod, peer: Pod): Promise<void> {
  const each = ways(pod, peer).map(async ({ family, from, to, host, port, name }) => {
    const { joined, early, never } = GROUPS[family]
    const wanted = to === pod ? ['early', 'joined'] : ['joined']
    const got = await heard(to, { port, family, groups: [joined], count: 3 }, async () => {
      await send(from, { host: never, port }, ['never'])
      if (to === pod) await send(from, { host: early, port }, ['early'])
      await send(from, { host: joined, port }, ['joined'])
      await send(from, { host, port }, ['end'])
    })
    const texts = got.map(([, text]) => text)
    t.same(texts, wanted, `${name}: joined groups and no other`)
  })
  await Promise.all(each)
}
