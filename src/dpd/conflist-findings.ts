/** What the operator is told of the CNI configuration: what is the matter, and what to do. */
import { join } from 'node:path'
import type { ConfState, PassedOver } from '../core/cni/conf-choice.js'
import type { ConfIntent } from '../core/cni/conf-intent.js'
import { PLUGIN_TYPE } from '../core/cni/conflist.js'

export function passedOverFinding({ confDir }: ConfIntent, { file, reason }: PassedOver): string {
  return `${join(confDir, file)}: ${reason}. Some runtimes start no pod until it is whole: let the primary CNI write it again, or remove it.`
}

/** null = nothing that needs an operator. */
export function stateFinding({ confDir }: ConfIntent, state: ConfState): string | null {
  switch (state.kind) {
    case 'carried':
    case 'repair':
      return null
    case 'none':
      return `${confDir}: no valid CNI configuration. vethwall's entry is appended as soon as the primary CNI has written its list; see the primary's log.`
    case 'single': {
      const list = state.carriedBy === null ? '' : ` or delegates to ${state.carriedBy}`
      return `${join(confDir, state.file)}: runtimes take it first, and a single plugin's configuration cannot carry vethwall: pods start unprotected until it is removed, or is a .conflist${list}.`
    }
    case 'unfit':
      return `${join(confDir, state.file)}: runtimes take it first, and it cannot carry vethwall, since ${state.reason}: pods start unprotected. Correct it where the primary CNI writes it.`
    case 'foreign':
      return `${join(confDir, state.file)}: its vethwall entry is of instance ${state.instance}: correct the entry's "instance", or uninstall one of the two.`
  }
}

export function fightFinding({ confDir }: ConfIntent, file: string): string {
  return `${join(confDir, file)}: something takes vethwall's entry out again and again; it is put back at most once a minute then, and pods start unprotected in between. Find what writes the file, and put the entry into its template.`
}

export function binaryFinding({ binDir }: ConfIntent): string {
  return `${join(binDir, PLUGIN_TYPE)} is missing or no program: a list that names it starts no pod, so it is put into none. Run install.sh again.`
}

export function errorFinding(what: string, error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error)
  return `${what} cannot be kept: ${reason}. Pods may start unprotected: make it readable and writable for dpd.`
}

export function damagedFinding(path: string, reason: string): string {
  return `${path}: ${reason}. The CNI configuration is left alone: run install.sh again.`
}
