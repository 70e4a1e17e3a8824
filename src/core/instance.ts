/**
 * Every path and name that an instance owns, derived from its name alone (design: the default
 * instance is `vethwall`), so that two instances on one node never touch each other.
 */
export interface Instance {
  readonly name: string
  /** Bind mount of the enforcer network namespace that `ip netns` can see. */
  readonly netnsPath: string
  /** Second bind mount of the same namespace: losing the first must not destroy every vex. */
  readonly netnsSparePath: string
  readonly runDir: string
  readonly lockPath: string
  readonly socketPath: string
  /** One record per intercepted pod interface, `<endpoint key>.json`. */
  readonly endpointsDir: string
  /** Their spare copies: losing /run must not cost a running pod its identity. */
  readonly endpointsSpareDir: string
  /** Write-ahead journal of swaps in progress, one file per endpoint key. */
  readonly journalDir: string
  /** ADD and DEL notices that dpd has not taken yet. */
  readonly noticesDir: string
  readonly attachPath: string
  readonly stateDir: string
  readonly bpffsDir: string
}

export const DEFAULT_INSTANCE = 'vethwall'
/** Device names inside the enforcer namespace; the namespace is the instance's own. */
export const VBR_NAME = 'vbr-neuv'
export const VTH_NAME = 'vth-neuv'
export const VBR_IFINDEX = 10_000_000
export const VTH_IFINDEX = 10_000_001
/** vex-ID gets VEX_IFINDEX_BASE + endpoint id, and so does the eth0 that stands for it in the pod. */
export const VEX_IFINDEX_BASE = 10_100_000
/** Endpoint ids are 14 bits of the UCMAC; 0 is never given out. */
export const ENDPOINT_ID_MAX = 0x3fff

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$/

export function isInstanceName(name: string): boolean {
  return NAME.test(name)
}

export function instanceOf(name: string): Instance {
  if (!isInstanceName(name)) {
    throw new RangeError(
      `instance name ${JSON.stringify(name)}: use 1 to 32 of A-Z a-z 0-9 _ . -, starting with a letter or digit`,
    )
  }
  const runDir = `/run/${name}`
  const stateDir = `/var/lib/${name}`
  return {
    name,
    netnsPath: `/run/netns/${name}`,
    netnsSparePath: `${stateDir}/netns`,
    runDir,
    lockPath: `${runDir}/lock`,
    socketPath: `${runDir}/dpd.sock`,
    endpointsDir: `${runDir}/endpoints`,
    endpointsSpareDir: `${stateDir}/endpoints`,
    journalDir: `${runDir}/journal`,
    noticesDir: `${runDir}/notices`,
    attachPath: `${runDir}/attach.json`,
    stateDir,
    bpffsDir: `/sys/fs/bpf/${name}`,
  }
}
