/** Of what the README's commands mount nothing stays, unless it is in use. In a mount namespace of its own. */
import { join } from 'node:path'
import t from 'tap'
import { exec } from '../process.js'
import { root } from '../root.js'

/** A machine on which neither is mounted: prints what is afterwards, and the status. */
async function afterwards(command: string): Promise<string> {
  const lines = [
    'mount -t tmpfs none /run',
    'umount /sys/fs/bpf 2>/dev/null || true',
    'status=0',
    `sh ${join(root, 'as-found.sh')} sh -c '${command}' || status=$?`,
    'for folder in /run/netns /sys/fs/bpf; do mountpoint -q $folder && echo $folder; done',
    '[ -e /run/netns ] && echo there',
    'echo $status',
  ]
  const fresh = ['--mount', '--propagation', 'private', 'sh', '-c', lines.join('\n')]
  const { stdout, stderr } = await exec('unshare', fresh)
  if (stderr !== '') throw new Error(stderr)
  return stdout.trim().split('\n').join(' ')
}

const NETNS = 'mkdir -p /run/netns && mount --bind /run/netns /run/netns'
const BPFFS = 'mount -t bpf bpf /sys/fs/bpf'

t.test('what was not mounted is not', async (t) => {
  t.equal(await afterwards(`${NETNS} && ${BPFFS}`), '0')
  t.equal(await afterwards('exit 3'), '3', 'the command’s own status')
})

t.test('what others put there stays', async (t) => {
  t.equal(await afterwards(`${NETNS} && touch /run/netns/pod && ${BPFFS}`), '/run/netns there 0')
  t.equal(await afterwards(`${BPFFS} && mkdir /sys/fs/bpf/theirs`), '/sys/fs/bpf 0')
})
