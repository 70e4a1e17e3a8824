/** How each call can fail, and why that is plausible. What no kernel would say is not here. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import type { Run } from './points.js'

type Arguments = readonly unknown[]

export interface Fault {
  /** `before ENOMEM`: in the name of the case. */
  readonly text: string
  /** Whether the call took effect all the same. */
  readonly when: 'before' | 'after'
  readonly why: string
  readonly inject: (kind: string, args: Arguments, run: Run) => unknown
}

type Code = keyof typeof constants.errno

/** As the addon throws, and as node:fs does; each reads its own half. */
function failure(kind: string, code: Code, subject: unknown): Error {
  const errno = constants.errno[code]
  const message = `${kind} ${String(subject)}: ${code}`
  const own = { code, errno, syscall: kind, subject: String(subject), detail: 'fault under test' }
  return Object.assign(new Error(message), own)
}

/** The call isn't made. */
const before = (code: Code, why: string): Fault => ({
  text: `before ${code}`,
  when: 'before',
  why,
  inject: (kind, args) => {
    throw failure(kind, code, args[0])
  },
})

/** It is made, and fails all the same. */
const after = (code: Code, why: string): Fault => ({
  text: `after ${code}`,
  when: 'after',
  why,
  inject: (kind, args, run) => {
    run()
    throw failure(kind, code, args[0])
  },
})

/** Part of it is made. */
const half = (code: Code, why: string, part: (args: Arguments) => void): Fault => ({
  text: `half ${code}`,
  when: 'after',
  why,
  inject: (kind, args) => {
    part(args)
    throw failure(kind, code, args[0])
  },
})

/** It says so in its result. */
const answers = (text: string, why: string, answer: (args: Arguments) => unknown): Fault => ({
  text: `answers ${text}`,
  when: 'before',
  why,
  inject: (_kind, args) => answer(args),
})

/** Every file of a netnsWriteFiles refused. */
const refuseAll = (code: Code) => (args: Arguments) =>
  (args[1] as readonly unknown[]).map(() => constants.errno[code])

const noMemory = before('ENOMEM', 'kernel memory is short, or the cgroup is at its limit')
const noThread = before('EAGAIN', 'pids.max of the cgroup: no thread to enter the namespace on')
const noDescriptor = before('EMFILE', 'RLIMIT_NOFILE that the runtime handed down')
const noFile = before('ENFILE', "fs.file-max: the node's own limit")
const notPermitted = before('EPERM', 'a security module, or CAP_SYS_ADMIN was dropped')
const readOnly = before('EROFS', 'the file system fell back to read-only after an error')
const noSpace = before('ENOSPC', 'the file system, or its inodes, are used up')
const denied = before('EACCES', 'a security module')
const broken = before('EIO', 'the disk')
const brokenLate = after('EIO', 'the disk, as the change was being committed')

/** By call; `netlinkRequest` is the socket alone, its messages have their own table. */
export const CALL_FAULTS: Readonly<Record<string, readonly Fault[]>> = {
  netnsCreate: [
    noThread,
    before('ENOSPC', 'user.max_net_namespaces'),
    notPermitted,
    noMemory,
    half('ENOMEM', 'the file was made, and the mount on it failed', makeMountPoint(0)),
  ],
  netnsBind: [
    noThread,
    notPermitted,
    before('ENOSPC', 'fs.mount-max'),
    half('ENOSPC', 'the file was made, and the mount on it failed', makeMountPoint(1)),
  ],
  unmount: [notPermitted, before('EBUSY', 'somebody stands in it')],
  mountBpffs: [notPermitted, noMemory, before('ENODEV', 'CONFIG_BPF_SYSCALL is off')],
  netlinkOpen: [noDescriptor, noFile, noMemory, noThread, notPermitted],
  netlinkRequest: [
    before('ENOBUFS', 'no socket buffer for the batch'),
    noMemory,
    after('ENOBUFS', 'the receive queue overran: the answers are lost, the batch was done'),
    after('ETIMEDOUT', 'the rtnl lock was held too long'),
  ],
  netnsReadFiles: [noThread, notPermitted, noDescriptor, noMemory],
  netnsReadFolders: [noThread, notPermitted, noDescriptor, noMemory],
  netnsWriteFiles: [
    noThread,
    notPermitted,
    answers('EMFILE', 'RLIMIT_NOFILE', refuseAll('EMFILE')),
    answers('EROFS', '/proc/sys is mounted read-only in this container', refuseAll('EROFS')),
    answers('ENOMEM', 'no page for the text', refuseAll('ENOMEM')),
  ],
  ethtoolFeaturesOff: [noThread, noDescriptor, notPermitted, noMemory],
  flock: [
    answers('time-out', 'another process hangs while it holds the lock', () => false),
    before('ENOLCK', 'no memory for lock records'),
  ],
  // What comes after it is the same as without dpd.
  unixSend: [
    ...[noDescriptor, noFile, noMemory, denied],
    before('EPIPE', 'dpd was killed while it heard'),
    before('ETIMEDOUT', 'dpd hangs'),
  ],
  unixAnswer: [
    noMemory,
    before('ECONNRESET', 'dpd was killed while it answered'),
    before('ETIMEDOUT', 'dpd hangs'),
  ],
  'bpf.mapCreate': [notPermitted, noMemory, noDescriptor],
  'bpf.progLoad': [notPermitted, noMemory, denied, before('EINVAL', 'the verifier refuses')],
  'bpf.pin': [notPermitted, noMemory, denied],
  'bpf.get': [notPermitted, denied, noDescriptor, noMemory],
  'bpf.mapUpdate': [
    before('E2BIG', 'the map is full'),
    noMemory,
    notPermitted,
    before('EBUSY', 'the bucket is locked by a program on this CPU'),
  ],
  'bpf.mapDelete': [notPermitted, before('EBUSY', 'the bucket is locked by a program on this CPU')],
  'bpf.mapLookup': [notPermitted, noMemory],
  'bpf.objectId': [notPermitted, noMemory],
  'bpf.tcxPrograms': [noThread, notPermitted, noMemory, noDescriptor],
  'bpf.tcxAttach': [noThread, notPermitted, noMemory, before('ERANGE', 'the hook is full')],
  'bpf.tcxDetach': [noThread, notPermitted, noMemory],
  mkdirSync: [noSpace, readOnly, denied, brokenLate],
  openSync: [noDescriptor, noFile, noSpace, readOnly, denied],
  'openSync r': [noDescriptor, noFile, noMemory],
  writeFileSync: [
    noSpace,
    broken,
    half('ENOSPC', 'the text fitted in part', ([fd, text]) => writeHalf(fd, text)),
    brokenLate,
  ],
  fsyncSync: [broken, before('ENOSPC', 'delayed allocation found no room'), brokenLate],
  renameSync: [noSpace, readOnly, broken, brokenLate],
  rmSync: [readOnly, broken, before('EPERM', 'chattr +i'), brokenLate],
  unlinkSync: [notPermitted, readOnly, broken],
  rmdirSync: [notPermitted, before('EBUSY', 'somebody stands in it'), readOnly],
}

function makeMountPoint(at: number) {
  return (args: Arguments): void => {
    closeSync(openSync(String(args[at]), 'a', 0o444))
  }
}

function writeHalf(fd: unknown, text: unknown): void {
  const whole = String(text)
  writeSync(Number(fd), whole.slice(0, whole.length / 2))
}
