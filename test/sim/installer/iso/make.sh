#!/bin/sh
# make.sh base TREE OUT: of a Debian system unpacked in TREE, the kernel, the archive of the modules for initrds, the squashfs of what is
#   installed, and GRUB for the disks. TREE is changed.
# make.sh installer BASE NODE PROGRAM OUT: the squashfs that is laid over it while installing.
# Needs root (chroot for GRUB's own tool), kmod, cpio, squashfs-tools. Downloads nothing.

set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)

list() { sed -n "s/^$1 //p" "$here/modules.list"; }

base() {
  tree=$1 out=$2
  mkdir -p "$out"
  kernel=$(basename "$tree"/boot/vmlinuz-*)
  version=${kernel#vmlinuz-}
  cp "$tree/boot/$kernel" "$out/linux26"
  echo "$version" >"$out/version"
  depmod --basedir "$tree" "$version"
  for name in $(list initrd) $(list later); do
    modprobe --dirname "$tree" --set-version "$version" --show-depends "$name" >>"$out/needed" || { echo "no module $name" >&2; exit 1; }
  done
  modules "$tree" "$version" "$out"
  grub_images "$tree" "$out"
  strip_tree "$tree"
  system_files "$tree" "$version"
  mksquashfs "$tree" "$out/base.squashfs" -quiet -no-progress -noappend -comp zstd -Xcompression-level 6 -e dev proc sys run tmp
  rm "$out/needed"
}

# What initrds load, in this order, and all modules for the system.
modules() {
  tree=$1 version=$2 out=$3
  initrd=$out/initrd
  mkdir -p "$initrd/bin" "$initrd/modules"
  for name in $(list initrd); do modprobe --dirname "$tree" --set-version "$version" --show-depends "$name"; done |
    sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' | while IFS= read -r module; do
    cp "$module" "$initrd/modules/"
    basename "$module" >>"$initrd/modules/order"
  done
  cp "$tree/bin/busybox" "$initrd/bin/busybox"
  (cd "$initrd" && find . | LC_ALL=C sort | cpio --quiet -o -H newc --owner 0:0) >"$out/modules.cpio"
  cp "$here/files/target-init" "$initrd/init"
  chmod 755 "$initrd/init"
  (cd "$initrd" && find . | LC_ALL=C sort | cpio --quiet -o -H newc --owner 0:0) | zstd -q -6 -o "$out/target-initrd.img"
  rm -rf "$initrd"
  kept=$out/kept
  mkdir -p "$kept"
  sed -n 's/^insmod \([^ ]*\).*/\1/p' "$out/needed" | sort -u | while IFS= read -r module; do
    to=$kept/${module#*/lib/modules/}
    mkdir -p "$(dirname "$to")"
    cp "$module" "$to"
  done
  cp "$tree/usr/lib/modules/$version/"modules.builtin* "$tree/usr/lib/modules/$version/modules.order" "$kept/$version/"
  rm -rf "$tree/usr/lib/modules"
  mv "$kept" "$tree/usr/lib/modules"
  depmod --basedir "$tree" "$version"
}

# For BIOS: what is to be written in the first sector and from sector 34 on, where the BIOS boot partition begins. Its configuration is on
# the second partition of whichever disk was started, /grub/grub.cfg; for UEFI, on the volume that it was started from.
grub_images() {
  tree=$1 out=$2
  made=/tmp/grub-made
  common='part_gpt fat normal linux echo test serial terminal'
  chroot "$tree" grub-mkimage -O i386-pc -p '(,gpt2)/grub' -o $made biosdisk $common
  mv "$tree$made" "$out/core.img"
  chroot "$tree" grub-mkimage -O x86_64-efi -p /grub -o $made $common
  mv "$tree$made" "$out/grubx64.efi"
  cp "$tree/usr/lib/grub/i386-pc/boot.img" "$out/boot.img"
  first=34 count=$((($(stat -c %s "$out/core.img") + 511) / 512))
  number 8 $first | put "$out/boot.img" 92
  { number 8 $((first + 1)); number 2 $((count - 1)); number 2 2080; } | put "$out/core.img" 500
}

number() { # BYTES VALUE: little-endian
  left=$2 i=0
  while [ "$i" -lt "$1" ]; do
    printf "\\$(printf %03o $((left % 256)))"
    left=$((left / 256)) i=$((i + 1))
  done
}
put() { dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }

# What nobody reads here: it would only be copied to each disk.
strip_tree() {
  cp "$1/usr/share/zoneinfo/zone.tab" "$1/usr/share/zoneinfo/iso3166.tab" "$1/tmp/"
  (
    cd "$1/usr"
    rm -rf share/doc share/man share/locale share/info share/lintian share/bug share/bash-completion share/zsh share/grub share/perl* \
      share/initramfs-tools share/i18n share/gcc share/gdb share/apport lib/grub lib/udev/hwdb.d lib/udev/hwdb.bin lib/apt lib/klibc* \
      lib/x86_64-linux-gnu/perl* lib/x86_64-linux-gnu/gconv lib/x86_64-linux-gnu/libperl* lib/x86_64-linux-gnu/libapt-* bin/perl* \
      share/zoneinfo/*
  )
  mv "$1/tmp/zone.tab" "$1/tmp/iso3166.tab" "$1/usr/share/zoneinfo/"
  rm -rf "$1"/boot/* "$1"/var/cache/* "$1"/var/lib/apt/* "$1"/var/lib/dpkg/info "$1"/var/log/* "$1"/tmp/* "$1"/etc/ssh/ssh_host_* \
    "$1"/etc/initramfs-tools "$1"/initrd* "$1"/vmlinuz*
  mkdir -p "$1/usr/share/zoneinfo/Etc"
}

# Less to start: nobody logs in at a console of it, and nothing is mounted, checked or updated by the clock.
system_files() {
  tree=$1
  for unit in getty.target systemd-logind.service dbus.service dbus.socket fstrim.timer dpkg-db-backup.timer e2scrub_all.timer \
    apt-daily.timer apt-daily-upgrade.timer e2scrub_reap.service systemd-update-utmp.service systemd-random-seed.service \
    dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount systemd-hwdb-update.service \
    systemd-pstore.service systemd-journal-flush.service modprobe@drm.service; do
    ln -sf /dev/null "$tree/etc/systemd/system/$unit"
  done
  mkdir -p "$tree/etc/systemd/journald.conf.d" "$tree/etc/ssh/sshd_config.d" "$tree/etc/modules-load.d"
  printf '[Journal]\nStorage=volatile\nForwardToConsole=no\n' >"$tree/etc/systemd/journald.conf.d/quick.conf"
  printf 'PermitRootLogin yes\nUseDNS no\nUsePAM no\n' >"$tree/etc/ssh/sshd_config.d/root.conf"
  printf 'bridge\n' >"$tree/etc/modules-load.d/bridge.conf"
  cp "$here/files/up.service" "$tree/etc/systemd/system/console-up.service"
  mkdir -p "$tree/etc/systemd/system/multi-user.target.wants"
  ln -sf ../console-up.service "$tree/etc/systemd/system/multi-user.target.wants/console-up.service"
  for unit in ssh networking; do ln -sf "/lib/systemd/system/$unit.service" "$tree/etc/systemd/system/multi-user.target.wants/$unit.service"; done
  : >"$tree/etc/machine-id"
  rm -f "$tree/etc/hostname" "$tree/etc/resolv.conf" "$tree/var/lib/dbus/machine-id"
}

installer() {
  base=$1 node=$2 program=$3 out=$4
  tree=$(mktemp -d)
  trap 'rm -rf "$tree"' EXIT
  mkdir -p "$tree/sbin.d" "$tree/usr/bin" "$tree/usr/sbin" "$tree/usr/lib/installer"
  rmdir "$tree/sbin.d"
  cp "$here/files/unconfigured.sh" "$tree/usr/sbin/unconfigured.sh"
  chmod 755 "$tree/usr/sbin/unconfigured.sh"
  strip -o "$tree/usr/bin/node" "$node"
  cp "$program" "$tree/usr/lib/installer/installer.mjs"
  cp "$base/boot.img" "$base/core.img" "$base/grubx64.efi" "$base/linux26" "$base/target-initrd.img" "$base/version" "$tree/usr/lib/installer/"
  mksquashfs "$tree" "$out" -quiet -no-progress -noappend -all-root -comp zstd -Xcompression-level 3
}

command=$1
shift
"$command" "$@"
