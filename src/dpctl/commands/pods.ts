import { type PodView, podsAnswerSchema } from '../../core/api/endpoint.js'
import { type RunningView, runningAnswerSchema } from '../../core/api/running.js'
import { type Command, type Context, printJson } from '../command.js'
import { EXIT_OK } from '../exit-code.js'
import { formatTable } from '../table.js'

const HEADS = ['POD', 'ID', 'MODE', 'PATH', 'FAILURE', 'DRIVER', 'FLOWS', 'ADDRESSES']
const WIDE_HEADS = [
  ...HEADS,
  'MODE-BY',
  'LEARNED',
  'SPOOFED',
  'QUARANTINE',
  'POLICIES',
  'LABELS',
  'CONTAINER',
  'SINCE',
  'ATTACHMENT',
  'DRIVER-WHY',
]

function row(pod: PodView): string[] {
  return [
    `${pod.namespace}/${pod.pod}/${pod.ifName}`,
    String(pod.endpoint),
    pod.mode,
    pod.path,
    pod.failure,
    pod.driver,
    String(pod.liveFlows),
    pod.addresses.join(',') || '-',
  ]
}

function wideRow(pod: PodView): string[] {
  const labels = Object.entries(pod.labels).map(([name, value]) => `${name}=${value}`)
  return [
    ...row(pod),
    pod.modeBy,
    String(pod.learned),
    String(pod.spoofed),
    pod.quarantine === null ? '-' : (pod.quarantine.reason ?? 'no reason given'),
    pod.policies.join(',') || '-',
    labels.join(',') || '-',
    pod.containerID.slice(0, 13),
    pod.createdAt,
    pod.attachment,
    pod.driverWhy || '-',
  ]
}

export function formatPods(pods: readonly PodView[], wide: boolean): string {
  return wide ? formatTable(WIDE_HEADS, pods.map(wideRow)) : formatTable(HEADS, pods.map(row))
}

export function formatRunning(pods: readonly RunningView[]): string {
  const rows = pods.map(({ namespace, pod, ifName, by, why, released, containerID }) => [
    ...[`${namespace}/${pod}/${ifName}`, by ?? 'no', released ? 'yes' : 'no'],
    ...[containerID.slice(0, 13), why || '-'],
  ])
  return formatTable(['POD', 'ADOPTABLE', 'RELEASED', 'CONTAINER', 'WHY'], rows)
}

async function unadopted(context: Context): Promise<number> {
  const answer = await context.client.get('/v1/running', runningAnswerSchema)
  if (context.output === 'json') printJson(context, answer)
  else context.out(formatRunning(answer.pods))
  return EXIT_OK
}

export const pods: Command = {
  words: ['pods'],
  usage: 'pods [--unadopted] [-o wide|json]',
  summary: 'the intercepted pod interfaces, their mode and path; or the pods that are not',
  options: { unadopted: { type: 'boolean' } },
  async run(context, { values }) {
    if (values.unadopted === true) return await unadopted(context)
    const answer = await context.client.get('/v1/pods', podsAnswerSchema)
    if (context.output === 'json') printJson(context, answer)
    else context.out(formatPods(answer.pods, context.output === 'wide'))
    return EXIT_OK
  },
}
