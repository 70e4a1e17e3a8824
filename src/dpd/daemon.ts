/** The daemon of one instance: the only place where its parts are put together. */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../core/config.js'
import { type Instance, VTH_NAME } from '../core/instance.js'
import { PRODUCT_VERSION } from '../core/product-version.js'
import { os } from '../intercept/addon.js'
import type { InterceptContext } from '../intercept/context.js'
import { chooseDriver } from '../intercept/drivers.js'
import { ensureEnforcer } from '../intercept/enforcer.js'
import { recover } from '../intercept/recover.js'
import { attach } from '../intercept/swap.js'
import { CarriedFlows } from '../intercept/tc/carried-flows.js'
import { endpointRoutes } from './api/endpoints.js'
import { flowRoutes } from './api/flows.js'
import { createServer } from './api/http.js'
import { listenOnLoopback, listenOnSocket, refuseSecond } from './api/listen.js'
import { runningRoutes } from './api/running.js'
import { metricsRoute, statusRoutes } from './api/status.js'
import { BigFlows, LOOK_MS } from './big-flows.js'
import { ConflistKeeper } from './conflist-keeper.js'
import { keepConflist } from './conflist-watch.js'
import { Control } from './control.js'
import { Depths } from './depth.js'
import { DriftBook } from './drift-book.js'
import { DriftRepair } from './drift-repair.js'
import { Endpoints } from './endpoints.js'
import { epochsFrom } from './epochs.js'
import { EventsFile, type EventsSink, noEvents } from './events-file.js'
import { placed } from './flow-place.js'
import { flowMapOf, heartbeatOf } from './heartbeat.js'
import { openInspection, shardsFor } from './inspection.js'
import { InstancePipes } from './instance-pipes.js'
import { KernelSpoofs } from './kernel-spoofs.js'
import { Learning } from './learning.js'
import { live } from './lifecycle.js'
import { ModeOverrides } from './mode-overrides.js'
import { openNames } from './names-file.js'
import { NodeAddresses } from './node-addresses.js'
import { openNodePolicy } from './node-policy.js'
import { openNotifier } from './notify.js'
import { watchDirectories } from './policy-files.js'
import { preflight } from './preflight.js'
import { Reconciler } from './reconciler.js'
import { LoopbackEndpoints } from './ruled/loopback.js'
import { RuledPods } from './ruled/ruled-pods.js'
import { ensureFolders, ensureRunDir } from './run-dir.js'
import { RunningPods } from './running-pods.js'
import { SpoofBook } from './spoof-book.js'
import { spawnWatchdog } from './watchdog.js'

const RECONCILE_MS = 10_000
/** A link is made anew at the second pass that misses it, and all drift is to be gone within 5 s. */
const REPAIR_MS = 1500
const BOOT_ID_PATH = '/proc/sys/kernel/random/boot_id'

export interface Setting {
  readonly instance: Instance
  readonly config: Config
  readonly log: Logger
}

interface DaemonSetting extends Setting {
  /** Starts `runPolicyReader` in a worker. */
  readonly policyReaderFile: URL
  /** Starts `runShardWorker` in a worker. */
  readonly shardFile: URL
}

const nowMs = (): number => Date.now()

function openEvents({ config, log }: Setting): EventsSink {
  const { file, ...rest } = config.events
  if (file === null) return noEvents
  return new EventsFile({ file, ...rest }, nowMs, (message) => log.warn(message))
}

export function openContext({ instance, config, log }: Setting): InterceptContext {
  return {
    os,
    instance,
    ...chooseDriver(os, instance, config.driver),
    bootId: readFileSync(BOOT_ID_PATH, 'utf8').trim(),
    now: () => new Date().toISOString(),
    warn: (message) => log.warn(message),
  }
}

function openKernel(setting: Setting) {
  const { log } = setting
  const context = openContext(setting)
  const undone = recover(context)
  if (undone > 0) log.warn(`${undone} attachments that broke off were undone`)
  const enforcer = ensureEnforcer(context)
  return { context, enforcer, pipes: new InstancePipes(context, enforcer) }
}

/** Everything but the sockets. */
function openDaemon(setting: DaemonSetting) {
  const { instance, config, log } = setting
  const warn = (message: string): void => log.warn(message)
  const startedAtMs = nowMs()
  const events = openEvents(setting)
  const learning = new Learning(instance.stateDir, warn)
  const spoofBook = new SpoofBook(events, nowMs)
  const { context, enforcer, pipes } = openKernel(setting)
  const nameGraceMs = config.fqdn.graceSeconds * 1000
  const { names, namesFile } = openNames(instance, nameGraceMs, warn)
  const {
    engine,
    shards,
    policy: empty,
  } = openInspection({
    ...{ netnsFd: enforcer.netnsFd, ifName: VTH_NAME },
    heartbeat: heartbeatOf(context.driver, instance),
    flowMapFd: flowMapOf(context.driver),
    count: config.inspection.shards ?? shardsFor(availableParallelism()),
    tunnels: config.inspection,
    ...{ file: setting.shardFile, events, learning, spoofs: spoofBook, names, nameGraceMs, warn },
    eventsPerSecond: config.events.file === null ? null : config.events.perSecond,
    giveUp: (error) => {
      throw error
    },
  })
  const overrides = new ModeOverrides(join(instance.stateDir, 'modes.json'), warn)
  const monotonicMs = (): number => performance.now()
  const drift = new DriftBook(warn)
  const ruled = new RuledPods({
    ...{ os, instance, queues: engine, book: drift, nowMs: monotonicMs, warn },
  })
  const endpoints = new Endpoints({
    ...{ pipes, engine, ruled, judge: shards, warn, dhcpServers: config.dhcpServers },
    ...{ depths: new Depths(config.inspection), forwarders: config.spoofing.allow },
    ...{ driver: context.driver.name, nextEpoch: epochsFrom(startedAtMs) },
  })
  const big = new BigFlows({
    ...{ carried: new CarriedFlows(os), enforcer, endpoints, nowMs: monotonicMs, warn },
    send: (commands) => shards.send(commands),
  })
  const spoofs = new KernelSpoofs({ pipes, endpoints, book: spoofBook, warn })
  const node = new NodeAddresses(config.nodeAddresses ?? null)
  const { policy, peers } = openNodePolicy({
    ...{ instance, config, policyReaderFile: setting.policyReaderFile },
    ...{ endpoints, overrides, node, engine, shards, empty, nowMs, warn },
    inForce: (generation, count) => log.info({ generation, endpoints: count }, 'policy in force'),
  })
  const info = (message: string): void => log.info(message)
  const repair = new DriftRepair({ pipes, endpoints, book: drift, warn })
  const why = 'inspection.loopback of dpd.yaml'
  const loopback = new LoopbackEndpoints({
    ...{ pods: config.inspection.loopback, endpoints, warn },
    attach: (spec) => attach({ ...context, why, rules: 'always' }, spec),
    collect: (record) => pipes.collect(record),
  })
  const reconciler = new Reconciler({
    ...{ pipes, endpoints, policy, node, drift: repair, ruled, loopback, info, warn },
  })
  const running = new RunningPods({
    ...{ context, config: config.runningPods, failure: config.defaults.failure ?? 'open' },
    ...{ pipes, endpoints, policy, info, warn },
  })
  const conflist = new ConflistKeeper({ os, instance, nowMs: monotonicMs, info, warn })
  const control = new Control({
    instance: instance.name,
    driver: config.driver === 'nfqueue' ? config.driver : context.driver.name,
    startedAtMs,
    peers,
    preflight: () => preflight(os),
    ...{ endpoints, policy, overrides, learning, names, shards, engine, events },
    ...{ spoofs: spoofBook, reconciler, drift, big, pipes, conflist, loopback },
  })
  shards.onBigFlows((events) => big.handle(events))
  const driver = context.driver.name
  return {
    ...{ conflist, control, driver, engine, events, shards, learning, pipes, policy, reconciler },
    ...{ big, spoofs, running, namesFile },
    places: { endpoints, pipes },
  }
}

type Daemon = ReturnType<typeof openDaemon>

/** The control socket and, where configured, the metrics port. */
async function serve(
  { instance, config, log }: Setting,
  { control, places, shards, running }: Daemon,
) {
  const fault = (message: string): void => log.error(message)
  const routes = [
    ...statusRoutes(control),
    ...endpointRoutes(control),
    ...flowRoutes(
      shards,
      (id) => control.quarantineOf(id),
      (list) => placed(places, list),
    ),
    ...runningRoutes(running),
  ]
  const socket = createServer(routes, fault)
  await listenOnSocket(socket, instance.socketPath)
  const { listen } = config.metrics
  if (listen === undefined) return { socket, servers: [socket] }
  const metrics = createServer([metricsRoute(control)], fault)
  await listenOnLoopback(metrics, listen)
  return { socket, servers: [socket, metrics] }
}

export async function startDaemon(setting: DaemonSetting): Promise<void> {
  const { instance, config, log } = setting
  const warn = (message: string): void => log.warn(message)
  ensureFolders(instance)
  await refuseSecond(instance.socketPath)
  const daemon = openDaemon(setting)
  const { engine, events, learning, pipes, policy, reconciler, running, shards, spoofs } = daemon
  const fault = (what: string) => (error: unknown) => log.error(`${what}: ${String(error)}`)
  reconciler.adopt()
  daemon.namesFile.restore(daemon.places.endpoints.all().map(({ record }) => record.id))
  await policy.reload()
  engine.start()
  if (daemon.driver === 'tc') spawnWatchdog(instance)
  const { socket, servers } = await serve(setting, daemon)
  const stopWatching = watchDirectories([config.policyDir, config.endpointsDir], () => {
    policy.reload().catch(fault('policy'))
  })
  const reconcile = () =>
    void ensureRunDir(instance, policy, socket, warn)
      .then(() => reconciler.reconcile())
      .then(() => running.adoptConfigured())
      .catch(fault('reconcile'))
  running.adoptConfigured().catch(fault('running pods'))
  const stopNotices = watchDirectories([instance.noticesDir], reconcile, /\.json$/)
  const timers = [
    setInterval(reconcile, RECONCILE_MS),
    setInterval(() => void reconciler.repair().catch(fault('repair')), REPAIR_MS),
    setInterval(() => spoofs.look(), REPAIR_MS),
    setInterval(() => daemon.big.look(), LOOK_MS),
    setInterval(() => void reconciler.lookAtRules().catch(fault('rules')), REPAIR_MS),
  ]
  const conflist = keepConflist(daemon.conflist, instance.stateDir)
  await live({
    reload: async () => {
      events.reopen()
      conflist.look()
      await policy.reload()
      await ensureRunDir(instance, policy, socket, warn)
      await reconciler.reconcile()
    },
    stop: async () => {
      timers.forEach(clearInterval)
      conflist.stop()
      stopWatching()
      stopNotices()
      for (const server of servers) {
        server.close()
        server.closeAllConnections()
      }
      await engine.stop()
      await shards.stop()
      learning.save()
      daemon.namesFile.close()
      events.close()
      pipes.close()
    },
    notifier: openNotifier(process.env, (message) => log.error(message)),
    info: (message) => log.info(message),
    fatal: (message) => log.fatal(message),
  })
  log.info({ instance: instance.name, version: PRODUCT_VERSION }, 'ready')
}
