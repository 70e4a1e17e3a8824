/** Every intercepted pod gets its own interface back; then the enforcer and its state go. */
import { readFileSync, rmSync } from 'node:fs'
import type { Instance } from '../core/instance.js'
import { os } from '../intercept/addon.js'
import type { InterceptContext } from '../intercept/context.js'
import { chooseDriver } from '../intercept/drivers.js'
import { listRecords } from '../intercept/endpoint-records.js'
import { removeEnforcer } from '../intercept/enforcer.js'
import { isNetns } from '../intercept/netns.js'
import { recover } from '../intercept/recover.js'
import { detach } from '../intercept/restore.js'

/** Exit status: 1 where a pod could not be released, and then nothing is destroyed. */
export function releaseInstance(instance: Instance, say: (text: string) => void): number {
  const context: InterceptContext = {
    os,
    instance,
    ...chooseDriver(os, instance, 'auto'),
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim(),
    now: () => new Date().toISOString(),
    warn: say,
  }
  const hasEnforcer = isNetns(instance.netnsPath) || isNetns(instance.netnsSparePath)
  // A hairpin's pod still has its interface, with our programs on it.
  const isHooked = listRecords(instance, say).some(({ attachment }) => attachment === 'hairpin')
  if (!hasEnforcer && !isHooked) return 0
  recover(context)
  let failed = 0
  for (const record of listRecords(instance, say)) {
    try {
      detach(context, record, record.netns)
      say(`${record.namespace}/${record.pod} ${record.ifName}: released`)
    } catch (error) {
      failed++
      say(`${record.namespace}/${record.pod} ${record.ifName}: ${String(error)}`)
    }
  }
  if (failed > 0) {
    say(
      `${failed} pods could not be released: ${instance.netnsPath} stays, since it carries their network`,
    )
    return 1
  }
  removeEnforcer(os, instance)
  for (const dir of [instance.bpffsDir, instance.runDir]) {
    rmSync(dir, { recursive: true, force: true })
  }
  return 0
}
