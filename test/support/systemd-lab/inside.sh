#!/bin/bash
# Runs inside the new namespaces of lab.sh: makes the root and becomes systemd. UNITS and PROGRAM as there.
set -eu
units=$(readlink -f "$1")
program=$(readlink -f "$2")
# What systemd is to find: limits of memory and tasks where the machine has the older hierarchies, as one hierarchy else.
controllers=$(find /sys/fs/cgroup -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | grep -E '^(memory|pids|cpu|cpuacct|devices|blkio|freezer|cpuset)$' || true)
ip link set lo up
# What sysctl.d would set at boot; /proc/sys is of this network here, and read-only further down.
for settings in "$units"/*.conf; do
  while IFS=' =' read -r name value; do
    case $name in net.*) echo "$value" >"/proc/sys/${name//./\/}" ;; esac
  done <"$settings"
done

root=$(mktemp -d)
mount -t tmpfs -o mode=755 tmpfs "$root"
mkdir "$root/upper" "$root/work" "$root/merged"
mount -t overlay overlay -o "lowerdir=/,upperdir=$root/upper,workdir=$root/work" "$root/merged"
cd "$root/merged"

mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,ro,bind proc/sys
mount -t sysfs -o ro sysfs sys
if [ -z "$controllers" ]; then
  mount -t cgroup2 cgroup2 sys/fs/cgroup
else
  mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
  mkdir sys/fs/cgroup/unified sys/fs/cgroup/systemd
  mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
  mount -t cgroup -o none,name=systemd,xattr cgroup sys/fs/cgroup/systemd
  for controller in $controllers; do
    mkdir "sys/fs/cgroup/$controller"
    mount -t cgroup -o "$controller" cgroup "sys/fs/cgroup/$controller"
  done
fi

mount -t tmpfs -o mode=755 tmpfs dev
for node in null zero full random urandom tty; do
  touch "dev/$node"
  mount --bind "/dev/$node" "dev/$node"
done
ln -s /proc/self/fd dev/fd
for number in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${number%:*}" "dev/${number#*:}"; done
mkdir dev/pts dev/shm dev/mqueue
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs -o mode=1777 tmpfs dev/shm
touch dev/console
mount --bind /dev/null dev/console
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs run

mkdir -p opt/lintel
mount --bind "$program" opt/lintel
mount -o remount,ro,bind opt/lintel
rm -rf etc/systemd/system etc/lintel
mkdir -p etc/systemd/system etc/lintel
cp "$units"/* etc/systemd/system/
mount -t tmpfs -o mode=1777 tmpfs tmp
rm -f usr/local/bin/lintel
ln -s /opt/lintel/dist/lintel usr/local/bin/lintel
echo lintel-lab >etc/hostname
printf '%032x\n' 0x1a6 >etc/machine-id
cat >etc/systemd/system/lab.target <<'UNIT'
[Unit]
Description=What a service under test needs, and nothing else
DefaultDependencies=no
Requires=systemd-journald.service dbus.socket sockets.target
After=systemd-journald.service dbus.socket sockets.target
AllowIsolate=yes
UNIT
for unit in systemd-sysctl systemd-modules-load systemd-tmpfiles-setup-dev systemd-udevd systemd-journal-flush systemd-binfmt \
  systemd-timesyncd systemd-resolved systemd-networkd getty@ console-getty ssh cron; do
  ln -sf /dev/null "etc/systemd/system/$unit.service"
done
for unit in sys-kernel-debug sys-kernel-tracing sys-fs-fuse-connections dev-hugepages; do ln -sf /dev/null "etc/systemd/system/$unit.mount"; done

mkdir -p .before
pivot_root . .before
cd /
umount -l /.before
exec env -i container=lintel-lab PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
  /lib/systemd/systemd --system --unit=lab.target --log-target=journal --show-status=no </dev/null
