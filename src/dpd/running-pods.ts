/** Pods that ran before us: found in the runtimes' caches, taken in and given back while they run. */

import { ApiRefusal } from '../core/api/protocol.js'
import type { MovedView, RunningView } from '../core/api/running.js'
import type { Config } from '../core/config.js'
import type { Failure } from '../core/endpoint.js'
import { matchGlob, parseGlob } from '../core/policy/glob.js'
import type { InterceptContext } from '../intercept/context.js'
import { keyHash } from '../intercept/endpoint-records.js'
import { rememberReleased } from '../intercept/released.js'
import { adopt, prospectOf, type Way } from '../intercept/running/adopt.js'
import { findRunning, type RunningPod } from '../intercept/running/find.js'
import { findPods } from './api/endpoints.js'
import type { Endpoint, Endpoints } from './endpoints.js'
import { matchesPod } from './flows.js'
import type { Pipes } from './pipes.js'
import type { PolicyStore } from './policy-store.js'

export interface RunningPodsParts {
  readonly context: InterceptContext
  readonly config: Config['runningPods']
  readonly failure: Failure
  readonly pipes: Pipes
  readonly endpoints: Endpoints
  readonly policy: PolicyStore
  readonly info: (message: string) => void
  readonly warn: (message: string) => void
}

type PodInterface = Pick<RunningPod, 'namespace' | 'pod' | 'ifName'>

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
const viewOf = ({ namespace, pod, ifName }: PodInterface) => ({ namespace, pod, ifName })
const nameOf = ({ namespace, pod, ifName }: PodInterface): string => `${namespace}/${pod}/${ifName}`

export class RunningPods {
  /** Tried because of `runningPods.adopt`, in vain: told once. */
  readonly #refused = new Set<string>()

  constructor(private readonly parts: RunningPodsParts) {}

  list(): RunningView[] {
    const { context } = this.parts
    return this.#found().map((running) => ({
      ...viewOf(running),
      ...{ containerID: running.containerID, netns: running.netns, released: running.isReleased },
      ...prospectOf(context, running),
    }))
  }

  /** null = all of them. */
  async adopt(reference: string | null, way: Way): Promise<MovedView[]> {
    const found = this.#found()
    const named = reference === null ? found : found.filter((pod) => isNamed(pod, reference))
    if (named.length > 0 || reference === null) return await this.#each(named, way)
    throw new ApiRefusal(
      404,
      'no-such-pod',
      `pod ${JSON.stringify(reference)}: no runtime's cache has it, or it is intercepted already; see \`dpctl pods --unadopted\``,
    )
  }

  /** What `runningPods.adopt` asks for; what the operator gave back stays out. */
  async adoptConfigured(): Promise<void> {
    const { adopt: wanted } = this.parts.config
    if (wanted === 'never') return
    const globs = wanted === 'all' ? null : wanted.map(parseGlob)
    const due = this.#found().filter(
      (running) =>
        !running.isReleased &&
        !this.#refused.has(keyHash(running)) &&
        (globs === null || globs.some((g) => matchGlob(g, `${running.namespace}/${running.pod}`))),
    )
    const moved = await this.#each(due, 'auto')
    moved.forEach(({ done }, at) => {
      const running = due[at]
      if (!done && running !== undefined) this.#refused.add(keyHash(running))
    })
  }

  /** null = all endpoints, those of ADD too. */
  async release(reference: string | null): Promise<MovedView[]> {
    const all = this.parts.endpoints.all()
    const moved: MovedView[] = []
    for (const endpoint of reference === null ? all : findPods(all, reference)) {
      moved.push(await this.parts.policy.inTurn(() => this.#release(endpoint)))
    }
    return moved
  }

  #found(): readonly RunningPod[] {
    return findRunning(this.parts.context, this.parts.config.cacheDirs)
  }

  /** One a turn: each is some milliseconds in which nothing else of dpd runs. */
  async #each(pods: readonly RunningPod[], way: Way): Promise<MovedView[]> {
    const moved: MovedView[] = []
    for (const running of pods) {
      moved.push(await this.parts.policy.inTurn(() => this.#adopt(running, way)))
    }
    return moved
  }

  async #adopt(running: RunningPod, way: Way): Promise<MovedView> {
    const { context, endpoints, policy, failure, info, warn } = this.parts
    try {
      const { record, lost } = adopt(context, running, way, failure)
      endpoints.add(record)
      await policy.recompile()
      info(`${nameOf(running)}: adopted by ${record.attachment}`)
      const { attachment, why } = record
      return { ...viewOf(running), done: true, attachment, why, lost: [...lost] }
    } catch (error) {
      const why = textOf(error)
      warn(`${nameOf(running)}: not adopted: ${why}`)
      return { ...viewOf(running), done: false, attachment: null, why, lost: [] }
    }
  }

  /** Direct first: what the engine still holds finds its way, and it lets go before the links do. */
  async #release({ record, failure }: Endpoint): Promise<MovedView> {
    const { context, pipes, endpoints, policy, info, warn } = this.parts
    const { attachment } = record
    const view = { ...viewOf(record), attachment, lost: [] }
    try {
      if (attachment === 'rules') {
        // The queue outlives the rules: what waits in it still gets its verdict.
        pipes.collect(record)
        await endpoints.remove(record)
      } else {
        pipes.setPath(record, { path: 'direct', failure })
        await endpoints.remove(record)
        pipes.collect(record)
      }
      rememberReleased(context, record)
      await policy.recompile()
      info(`${nameOf(record)}: released`)
      return { ...view, done: true, why: '' }
    } catch (error) {
      const why = textOf(error)
      warn(`${nameOf(record)}: not released: ${why}`)
      if (pipes.isRecorded(record)) endpoints.add(record)
      await policy.recompile()
      return { ...view, done: false, why }
    }
  }
}

function isNamed(running: RunningPod, reference: string): boolean {
  return running.containerID === reference || matchesPod(running, 0, reference)
}
