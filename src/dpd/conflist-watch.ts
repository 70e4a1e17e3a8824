/** When the keeper looks: at every change that is seen, and at intervals, since some are not. */
import { CONF_NAME } from '../core/cni/conf-choice.js'
import type { ConflistKeeper } from './conflist-keeper.js'
import { watchDirectories } from './policy-files.js'

export interface ConflistWatch {
  readonly look: () => void
  readonly stop: () => void
}

export function keepConflist(keeper: ConflistKeeper, stateDir: string): ConflistWatch {
  let timer: NodeJS.Timeout | undefined
  let watched: string | null = null
  let unwatch = watchDirectories([stateDir], () => look(), CONF_NAME)
  const look = (): void => {
    clearTimeout(timer)
    const dueMs = keeper.look()
    timer = setTimeout(look, dueMs)
    if (keeper.confDir === watched) return
    watched = keeper.confDir
    unwatch()
    unwatch = watchDirectories([stateDir, ...(watched === null ? [] : [watched])], look, CONF_NAME)
    // What changed before the watch was armed.
    look()
  }
  look()
  return {
    look,
    stop: () => {
      clearTimeout(timer)
      unwatch()
    },
  }
}
