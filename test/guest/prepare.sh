#!/bin/sh
# Prepares a stock Debian kernel to boot in qemu with this machine's root file system: unpacks the
# newest linux-image package (no install), indexes a copy of its modules, makes an initramfs.
# Usage: prepare.sh CACHE_DIR. Idempotent; prints nothing when there is nothing to do.
set -eu
cache=$1
mkdir -p "$cache"
cd "$cache"
package=$(apt-cache depends linux-image-amd64 | awk '/Depends:/ { print $2; exit }')
version=${package#linux-image-}
[ "$(cat ready 2>/dev/null)" = "$version 5" ] && exit 0

echo "guest: unpacking $package" >&2
rm -rf ready root x initramfs modules
apt-get download -q "$package" >/dev/null 2>&1
mkdir -p root
dpkg -x "$package"_*.deb root
rm -f "$package"_*.deb
cp "root/boot/vmlinuz-$version" vmlinuz

# busybox's depmod, outside the guest: depmod inside walks the modules over 9p and does not end.
# Folders for hardware that qemu doesn't offer only cost time.
drivers=root/lib/modules/$version/kernel
rm -rf "$drivers/drivers/gpu" "$drivers/drivers/media" "$drivers/sound" "$drivers/drivers/net/ethernet" \
  "$drivers/drivers/net/wireless" "$drivers/drivers/infiniband" "$drivers/drivers/staging" "$drivers/drivers/scsi"
busybox depmod -b root "$version"
mv root/lib/modules modules
rm -rf root

mkdir -p initramfs/bin initramfs/modules initramfs/proc initramfs/sys initramfs/dev initramfs/lower \
  initramfs/upper initramfs/root
cp "$(command -v busybox)" initramfs/bin/busybox
ln -sf busybox initramfs/bin/sh
for module in virtio virtio_ring virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci netfs fscache \
  9pnet 9pnet_virtio 9p overlay; do
  file=$(find "modules/$version" -name "$module.ko*" | head -n 1)
  [ -n "$file" ] && cp "$file" initramfs/modules/
done
cat >initramfs/init <<'INIT'
#!/bin/sh
# The console keeps kernel messages; the second serial line carries the command's output alone.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
stty -F /dev/ttyS1 raw -echo
# Order of dependence is left to repetition: insmod until all are in.
pass=0
while [ $pass -lt 6 ]; do
  for module in /modules/*; do insmod "$module" 2>/dev/null; done
  pass=$((pass + 1))
done
param() { tr ' ' '\n' </proc/cmdline | sed -n "s/^guest.$1=//p"; }
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=512000 root /lower || echo "guest: 9p failed"
mount -t tmpfs -o size=1g tmpfs /upper
mkdir /upper/data /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work overlay /root
mount -t proc proc /root/proc
mount -t sysfs sys /root/sys
mount --rbind /dev /root/dev
mkdir -p /root/dev/pts /root/dev/shm
mount -t devpts devpts /root/dev/pts
mount -t tmpfs tmpfs /root/dev/shm
mount -t tmpfs tmpfs /root/run
mount -t tmpfs tmpfs /root/sys/fs/cgroup 2>/dev/null
mkdir -p /root/run/netns /root/run/lock /root/lib/modules
cache=$(param cache)
mount --bind "/lower$cache/modules" /root/lib/modules
# The kernel calls /sbin/modprobe in the initramfs, programs in the chroot call their own.
mkdir -p /sbin /lib/modules
mount --bind "/lower$cache/modules" /lib/modules
ln -sf /bin/busybox /sbin/modprobe
ln -sf /bin/busybox /root/sbin/modprobe
ifconfig lo up
hostname guest
echo 1 >/proc/sys/kernel/printk
chroot /root /bin/sh "$(param script)" </dev/null >/dev/ttyS1 2>&1
echo "guest-exit $?" >/dev/ttyS1
sync
sleep 1
reboot -f
INIT
chmod +x initramfs/init
(cd initramfs && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >initramfs.gz
rm -rf initramfs
echo "$version 5" >ready
