/** Which pipe driver an instance's new endpoints get: the one asked for, else the first that works here. */
import type { DriverName, EndpointRecord } from '../core/endpoint.js'
import type { Instance } from '../core/instance.js'
import { BpfDriver } from './bpf/driver.js'
import type { InterceptContext } from './context.js'
import type { PipeDriver } from './driver.js'
import type { Os } from './os.js'

export function bpfDriver(os: Os, instance: Instance): PipeDriver {
  return new BpfDriver(os, instance)
}

export function driverOf(os: Os, instance: Instance, name: DriverName | 'auto'): PipeDriver {
  if (name === 'auto' || name === 'bpf') return bpfDriver(os, instance)
  throw new Error(`pipe driver ${name} is not in this build`)
}

/** The one that piped the endpoint, whatever new ones get. */
export function driverFor(context: InterceptContext, record: EndpointRecord): PipeDriver {
  const { driver, os, instance } = context
  return driver.name === record.driver ? driver : driverOf(os, instance, record.driver)
}
