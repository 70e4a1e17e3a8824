/**
 * What the addon offers of the operating system; `native/addon` implements it. Calls are
 * synchronous and throw `OsError`. Interfaces and tests use this type, so that a fault can be
 * injected between any two calls.
 */
export interface Os {
  /** New network namespace, made on a throw-away thread, bind-mounted over `path` (created if absent). */
  netnsCreate(path: string): void
  /** mount(2) with MS_BIND: the namespace behind `fd` over `path` (created if absent). */
  netnsBind(fd: number, path: string): void
  /** umount2(path, MNT_DETACH). */
  unmount(path: string): void
  mountBpffs(path: string): void
  /** socket(AF_NETLINK) opened inside the namespace behind `netnsFd` (-1 = own), extended ACKs on. Returns its fd. */
  netlinkOpen(netnsFd: number, protocol: number): number
  /**
   * Sends one batch of messages (one sendmsg) and reads until each one with NLM_F_ACK is answered
   * and each dump is done. Returns all received messages, concatenated as they came; never throws
   * for an NLMSG_ERROR in them (core/netlink decodes it), only for socket errors and time-out.
   */
  netlinkRequest(fd: number, batch: Uint8Array, timeoutMs: number): Uint8Array
  /** As netlinkOpen, for hearing only: `groups` are multicast groups, RTNLGRP_* of linux/rtnetlink.h. */
  netlinkSubscribe(netnsFd: number, protocol: number, groups: readonly number[]): number
  /** What has come since the call before; null = more than the socket could keep. */
  netlinkDrain(fd: number): Uint8Array | null
  /**
   * Reads files as seen inside the namespace (/proc/sys/net/…); null where reading fails, but for want of
   * memory or descriptors.
   */
  netnsReadFiles(netnsFd: number, paths: readonly string[]): (string | null)[]
  /** Of each folder the files that can be read: name, text, name, text, …; errors as those of netnsReadFiles. */
  netnsReadFolders(netnsFd: number, paths: readonly string[]): string[][]
  /** Writes them in order; returns the errno of each, 0 = ok. */
  netnsWriteFiles(
    netnsFd: number,
    files: readonly (readonly [path: string, text: string])[],
  ): number[]
  /** ETHTOOL_SFEATURES-style switch off by ethtool ioctls inside the namespace: names from the kernel's string set. */
  ethtoolFeaturesOff(netnsFd: number, ifName: string, features: readonly string[]): void
  /** Which of them are on now and could be switched off. */
  ethtoolFeaturesOn(netnsFd: number, ifName: string, features: readonly string[]): string[]
  /** flock(LOCK_EX) with polling up to `timeoutMs`; false = timed out. The lock dies with the fd. */
  flock(fd: number, timeoutMs: number): boolean
  /** renameat2(2) with RENAME_EXCHANGE; EINVAL where the file system can't. */
  renameExchange(a: string, b: string): void
  /** One request to whoever listens at the Unix stream socket; OsErrors where nobody does, or after `timeoutMs`. */
  unixSend(path: string, request: Uint8Array, timeoutMs: number): number
  /**
   * Its answer up to and with `end`, or until the peer closes; errors as those of unixSend, whose descriptor
   * is closed in any case.
   */
  unixAnswer(fd: number, end: string, maxOctets: number, timeoutMs: number): Uint8Array
  /** _exit(2): at once, without Node's own ways of ending. */
  exit(status: number): never
  close(fd: number): void
  readonly bpf: Bpf
}

export interface TcxProgram {
  readonly id: number
  /** As it was loaded; at most 15 characters. */
  readonly name: string
}

/** bpf(2), linux/bpf.h. Keys and values are octets in host order. */
export interface Bpf {
  mapCreate(spec: {
    type: number
    keyOctets: number
    valueOctets: number
    maxEntries: number
    flags: number
    name: string
  }): number
  mapLookup(fd: number, key: Uint8Array, valueOctets: number): Uint8Array | null
  mapUpdate(fd: number, key: Uint8Array, value: Uint8Array, flags: number): void
  /** false = there was none. */
  mapDelete(fd: number, key: Uint8Array): boolean
  mapKeys(fd: number, keyOctets: number): Uint8Array[]
  /** Loads BPF_PROG_TYPE_SCHED_CLS; on failure the verifier's log is in the error. */
  progLoad(spec: { name: string; instructions: Uint8Array; license: string }): number
  pin(fd: number, path: string): void
  /** null = no such pin. */
  get(path: string): number | null
  /** All of a map in one call: keys and values in the same order, without gaps. */
  mapEntries(fd: number): { readonly keys: Uint8Array; readonly values: Uint8Array }
  /** The kernel's number, the same for each descriptor and pin of one map or program. */
  objectId(fd: number): number
  /**
   * Programs on a device's hook that needs no qdisc, in the order in which they run; the device is one of
   * the namespace behind `netnsFd`. EINVAL: the kernel has no such hooks (before 6.6).
   */
  tcxPrograms(netnsFd: number, ifindex: number, isEgress: boolean): TcxProgram[]
  /** Before all others; in the place of `replacedId`, in one step, where that is not 0. */
  tcxAttach(
    netnsFd: number,
    ifindex: number,
    isEgress: boolean,
    programFd: number,
    replacedId: number,
  ): void
  tcxDetach(netnsFd: number, ifindex: number, isEgress: boolean, programId: number): void
  /** mmap of a BPF_F_MMAPABLE array is the engine's own; JavaScript uses lookup and update. */
}

export class OsError extends Error {
  override readonly name = 'OsError'
  constructor(
    /** errno name, e.g. ENOENT. */
    readonly code: string,
    readonly errno: number,
    /** The call, e.g. `setns`. */
    readonly syscall: string,
    readonly subject: string,
    detail = '',
  ) {
    super(`${syscall} ${subject}: ${code}${detail === '' ? '' : `: ${detail}`}`)
  }
}
