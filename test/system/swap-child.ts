/**
 * `node swap-child.js VERB INSTANCE NETNS CALL [CONTAINER]`: ADD or DEL in a process of its own, which is
 * killed at that call (0 = never).
 */
import { readFileSync } from 'node:fs'
import { instanceOf } from '../../src/core/instance.js'
import { os } from '../../src/intercept/addon.js'
import { detach } from '../../src/intercept/restore.js'
import { attach } from '../../src/intercept/swap.js'
import { gate, through } from './faults.js'
import { IdleDriver, specOf } from './swap-topology.js'

const [verb, instance = '', netns = '', call, containerID = 'c0ffee'] = process.argv.slice(2)
const fault = gate(Number(call), 'killed')
const spec = { ...specOf(netns), containerID }
const context = {
  os: through(fault, os),
  instance: instanceOf(instance),
  ...{ driver: new IdleDriver(), why: 'the test' },
  bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
  now: () => '2026-01-01T00:00:00.000Z',
  warn: (message: string) => process.stderr.write(`${message}\n`),
}
if (verb === 'ADD') attach(context, spec)
else detach(context, spec, netns)
