/** The node's policy: where it is read, what it is compiled with, and what follows once it is in force. */
import { join } from 'node:path'
import type { Config } from '../core/config.js'
import type { Instance } from '../core/instance.js'
import type { CompiledPolicy } from '../core/policy/compiled.js'
import { EMPTY_DIRECTORY } from '../core/policy/endpoints-directory.js'
import { readStateFile, writeStateFile } from '../intercept/state-file.js'
import { attachFile } from './attach-file.js'
import { compileInputs, defaultsOf } from './compile-inputs.js'
import type { Endpoints } from './endpoints.js'
import { giveBackMemory, Leftovers } from './leftovers.js'
import type { ModeOverrides } from './mode-overrides.js'
import type { NodeAddresses } from './node-addresses.js'
import { Peers } from './peers.js'
import { PolicyReader } from './policy-reader.js'
import type { Sources } from './policy-sources.js'
import { PolicyStore, type PolicyStoreParts } from './policy-store.js'
import type { Shards } from './shards/shards.js'

export interface NodePolicyParts {
  readonly instance: Instance
  readonly config: Config
  /** Starts `runPolicyReader` in a worker. */
  readonly policyReaderFile: URL
  readonly endpoints: Endpoints
  readonly overrides: ModeOverrides
  readonly node: NodeAddresses
  readonly engine: PolicyStoreParts['engine']
  readonly shards: Shards
  /** Nobody's: until the first is read. */
  readonly empty: CompiledPolicy
  readonly nowMs: () => number
  readonly warn: (message: string) => void
  readonly inForce: (generation: number, endpoints: number) => void
}

/** Who an address is, by what is in force, and the attach file: an ADD reads its mode and failure setting there. */
class Followers {
  peers = new Peers(EMPTY_DIRECTORY, [], [])
  readonly #leftovers = new Leftovers(giveBackMemory)

  constructor(private readonly parts: NodePolicyParts) {}

  async follow({ generation }: CompiledPolicy, { set, directory }: Sources): Promise<void> {
    const { endpoints, node, shards, overrides, config, inForce } = this.parts
    const records = endpoints.all().map(({ record }) => record)
    this.peers = new Peers(directory, records, node.current)
    await shards.setPeers({ directory, records, nodeAddresses: node.current })
    const sources = { set, directory, defaults: defaultsOf(config) }
    const file = attachFile(sources, overrides.all(), overrides.quarantined())
    this.#keep(`${JSON.stringify(file)}\n`)
    this.#leftovers.changed()
    inForce(generation, records.length)
  }

  /** Each ADD comes by, and a sync costs it up to 40 ms. */
  #keep(text: string): void {
    const { attachPath } = this.parts.instance
    if (readStateFile(attachPath) !== text) writeStateFile(attachPath, text, 0o644)
  }
}

export function openNodePolicy(parts: NodePolicyParts) {
  const { instance, config, endpoints, overrides, node, engine, shards, warn, nowMs } = parts
  const followers = new Followers(parts)
  const sources = new PolicyReader({
    directories: { policies: config.policyDir, endpoints: config.endpointsDir },
    lastGoodFile: join(instance.stateDir, 'last-good-policy.json'),
    file: parts.policyReaderFile,
    warn,
  })
  const policy = new PolicyStore(
    {
      ...{ sources, engine, judge: shards, endpoints, warn, nowMs },
      inputs: () => compileInputs(config, endpoints, overrides, node),
      onApplied: (compiled, applied) => followers.follow(compiled, applied),
    },
    parts.empty,
  )
  return { policy, peers: () => followers.peers }
}
