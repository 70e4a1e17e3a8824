/**
 * To be imported first by a test of real clients: the file then runs again in namespaces of its own, with
 * its own processes, /run, /etc, /opt, /usr/local and /var/lib. What containerd and podman write at
 * fixed paths is never the machine's, and the kernel ends all of it with the test, however that ends.
 */
import { spawnSync } from 'node:child_process'
import { ENDS_WITH_US } from '../process.js'

/** Set inside; the value is the process id outside, for what stays the machine's: cgroups, /tmp. */
const MARK = 'VETHWALL_TEST_MACHINE'

/** The shell is process 1 and reaps orphans; what it shows of the machine's folders is written to memory. */
const SCRIPT = `set -e
upper=$(mktemp -d)
mount -t tmpfs tmpfs "$upper"
for dir in /etc /opt /usr/local /var/lib; do
  mkdir -p "$upper$dir/upper" "$upper$dir/work"
  mount -t overlay -o "lowerdir=$dir,upperdir=$upper$dir/upper,workdir=$upper$dir/work" overlay "$dir"
done
umount -l "$upper"
rmdir "$upper"
umount -l /run/netns 2>/dev/null || true
mount -t tmpfs tmpfs /run
mount -t bpf bpf /sys/fs/bpf
"$@" &
wait $!`

if (process.env[MARK] === undefined) {
  const namespaces = ['--mount', '--pid', '--mount-proc', '--propagation', 'private']
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  // biome-ignore format: one command line
  const args = [...ENDS_WITH_US, 'unshare', ...namespaces, '--fork', '--kill-child', 'sh', '-c', SCRIPT, 'sh', ...again]
  const { status } = spawnSync('setpriv', args, {
    stdio: 'inherit',
    env: { ...process.env, [MARK]: String(process.pid) },
  })
  process.exit(status ?? 1)
}

/** Unique among all machines that share this kernel. */
export const machineName = `vwcl${process.env[MARK]}`
