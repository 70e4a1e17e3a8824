/** The container runtime interface as the kubelet speaks it: gRPC over the runtime's socket. */
import { join } from 'node:path'
import { Client, credentials, type MethodDefinition, type ServiceDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { root } from '../root.js'

/** PodSandboxState */
export const SANDBOX_READY = 0
/** NamespaceMode CONTAINER: each container a pid namespace of its own. */
const NAMESPACE_CONTAINER = 1

export interface Sandbox {
  readonly id: string
  readonly name: string
  readonly state: number
}

export interface SandboxStatus {
  readonly state: number
  readonly ip4: string
  readonly ip6: string
  /** Process id of the pause container. */
  readonly pid: number
  readonly netns: string
}

export interface SandboxSpec {
  readonly name: string
  readonly namespace: string
  readonly cgroupParent: string
  readonly logDirectory: string
}

interface StatusAnswer {
  readonly status: {
    readonly state: number
    readonly network: { readonly ip: string; readonly additional_ips: readonly { ip: string }[] }
  }
  readonly info: { readonly info: string }
}

interface ListAnswer {
  readonly items: readonly { id: string; metadata: { name: string }; state: number }[]
}

interface RuntimeStatusAnswer {
  readonly status: { readonly conditions: readonly { type: string; status: boolean }[] }
  readonly info: Readonly<Record<string, string>>
}

function requestOf({ name, namespace, cgroupParent, logDirectory }: SandboxSpec) {
  return {
    metadata: { name, uid: `${name}-uid`, namespace, attempt: 0 },
    hostname: name,
    log_directory: logDirectory,
    linux: {
      cgroup_parent: cgroupParent,
      security_context: { namespace_options: { pid: NAMESPACE_CONTAINER } },
    },
  }
}

export class Cri {
  readonly #client: Client
  readonly #service: ServiceDefinition

  constructor(socketPath: string) {
    const file = join(root, 'test', 'clients', 'cri.proto')
    const loaded = loadSync(file, { keepCase: true, longs: Number, defaults: true })
    this.#service = loaded['runtime.v1.RuntimeService'] as ServiceDefinition
    this.#client = new Client(`unix://${socketPath}`, credentials.createInsecure())
  }

  close(): void {
    this.#client.close()
  }

  /** Rejects with DEADLINE_EXCEEDED when the client loses patience, as a kubelet's request does. */
  async runPodSandbox(spec: SandboxSpec, deadlineMs?: number): Promise<string> {
    const answer = await this.#call('RunPodSandbox', { config: requestOf(spec) }, deadlineMs)
    return (answer as { pod_sandbox_id: string }).pod_sandbox_id
  }

  async stopPodSandbox(id: string): Promise<void> {
    await this.#call('StopPodSandbox', { pod_sandbox_id: id })
  }

  async removePodSandbox(id: string): Promise<void> {
    await this.#call('RemovePodSandbox', { pod_sandbox_id: id })
  }

  async podSandboxStatus(id: string): Promise<SandboxStatus> {
    const request = { pod_sandbox_id: id, verbose: true }
    const { status, info } = (await this.#call('PodSandboxStatus', request)) as StatusAnswer
    const { pid, runtimeSpec } = JSON.parse(info.info) as {
      pid: number
      runtimeSpec: { linux: { namespaces: { type: string; path?: string }[] } }
    }
    const ips = [status.network.ip, ...status.network.additional_ips.map(({ ip }) => ip)]
    const path = runtimeSpec.linux.namespaces.find(({ type }) => type === 'network')?.path
    return {
      state: status.state,
      ip4: ips.find((ip) => !ip.includes(':')) ?? '',
      ip6: ips.find((ip) => ip.includes(':')) ?? '',
      pid,
      netns: path ?? '',
    }
  }

  async listPodSandbox(): Promise<readonly Sandbox[]> {
    const { items } = (await this.#call('ListPodSandbox', {})) as ListAnswer
    return items.map(({ id, metadata, state }) => ({ id, name: metadata.name, state }))
  }

  /** NetworkReady, and how loading the CNI configuration went last: `OK` or why not. */
  async networkStatus(): Promise<{ readonly isReady: boolean; readonly lastLoad: string }> {
    const { status, info } = (await this.#call('Status', { verbose: true })) as RuntimeStatusAnswer
    const condition = status.conditions.find(({ type }) => type === 'NetworkReady')
    return { isReady: condition?.status === true, lastLoad: info.lastCNILoadStatus ?? '' }
  }

  /** The network configuration that is loaded, as the runtime tells it. */
  async cniConfig(): Promise<string> {
    const { info } = (await this.#call('Status', { verbose: true })) as RuntimeStatusAnswer
    return info.cniconfig ?? ''
  }

  #call(name: string, request: object, deadlineMs = 60_000): Promise<unknown> {
    const method = this.#service[name] as MethodDefinition<object, object>
    const { path, requestSerialize, responseDeserialize } = method
    return new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + deadlineMs }
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        options,
        (error, answer) => (error === null ? resolve(answer) : reject(error)),
      )
    })
  }
}
