#!/bin/sh
# make.sh TREE OUT < KEY: a disk image of the Debian system unpacked in TREE, that boots by BIOS and by UEFI, in OUT. Whoever has the secret
# part of the SSH key KEY may log in as root. Needs no loop device and mounts nothing; downloads nothing.

set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
tree=$1 out=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

MIB=1048576
SECTORS=2048 # of a MiB
ESP_FIRST=2 ESP_SIZE=24 ROOT_FIRST=26 SIZE=160 # MiB

kernel=$(basename "$tree"/boot/vmlinuz-*)
version=${kernel#vmlinuz-}
cp "$tree/boot/$kernel" "$tmp/vmlinuz"

# What the kernel needs before it has the root file system: busybox, and the modules that are not built in.
initrd=$tmp/initrd-tree
mkdir -p "$initrd/bin" "$initrd/modules"
cp "$tree/bin/busybox" "$initrd/bin/busybox"
cp "$here/init" "$initrd/init"
depmod --basedir "$tree" "$version"
for wanted in virtio_pci virtio_blk virtio_net virtio-rng isofs; do
  modprobe --dirname "$tree" --set-version "$version" --show-depends "$wanted" >>"$tmp/modules"
done
sed -n 's/^insmod \([^ ]*\).*/\1/p' "$tmp/modules" | awk '!seen[$0]++' | while IFS= read -r module; do
  cp "$module" "$initrd/modules/"
  basename "$module" >>"$initrd/modules/order"
done
(cd "$initrd" && find . | cpio --quiet -o -H newc --owner 0:0 | gzip -1) >"$tmp/initrd"

cat >"$tmp/start.cfg" <<END
search --no-floppy --set=root --label GUEST-BOOT
linux /vmlinuz console=ttyS0,115200 quiet panic=5
initrd /initrd
boot
END
grub() {
  format=$1 to=$2
  shift 2
  cp "$tmp/start.cfg" "$tree/tmp/start.cfg"
  chroot "$tree" grub-mkimage -O "$format" -p / -c /tmp/start.cfg -o /tmp/made part_gpt fat search search_label linux "$@"
  mv "$tree/tmp/made" "$to"
}
grub i386-pc "$tmp/core.img" biosdisk
grub x86_64-efi "$tmp/loader.efi"
cp "$tree/usr/lib/grub/i386-pc/boot.img" "$tmp/boot.img"

# The root file system, without what nobody reads.
rm -rf "$tree"/usr/share/doc "$tree"/usr/share/man "$tree"/usr/share/locale "$tree"/usr/share/info "$tree"/usr/lib/grub "$tree"/usr/share/grub \
  "$tree"/usr/share/perl* "$tree"/usr/lib/*/perl* "$tree"/usr/lib/*/libperl* "$tree"/usr/lib/*/gconv "$tree"/usr/bin/perl* "$tree"/lib/udev \
  "$tree"/lib/modules "$tree"/usr/lib/modules "$tree"/boot/* "$tree"/var/cache/* "$tree"/var/lib/apt "$tree"/tmp/*
mkdir -p "$tree/proc" "$tree/sys" "$tree/dev" "$tree/run" "$tree/mnt" "$tree/root/.ssh" "$tree/var/empty"
cp -R "$here/files/." "$tree/"
chmod 755 "$tree/usr/lib/guest/start" "$tree/usr/lib/guest/lease"
cat >"$tree/root/.ssh/authorized_keys"
chmod 700 "$tree/root" "$tree/root/.ssh"
chmod 600 "$tree/root/.ssh/authorized_keys"
rm -f "$tree/etc/ssh/"ssh_host_* "$tree/sbin/init"
ln -s /bin/busybox "$tree/sbin/init"
chroot "$tree" /bin/busybox --install -s 2>/dev/null || true # applets beside the real programs; those that are there stay

rm -f "$out"
truncate -s "${SIZE}M" "$out"
sgdisk --clear --new=1:$SECTORS:+1M --typecode=1:ef02 --new=2:$((ESP_FIRST * SECTORS)):+${ESP_SIZE}M --typecode=2:ef00 \
  --new=3:$((ROOT_FIRST * SECTORS)):0 --typecode=3:8300 "$out" >/dev/null
esp=$out@@${ESP_FIRST}M
mformat -i "$esp" -T $((ESP_SIZE * SECTORS)) -h 64 -s 32 -v GUEST-BOOT ::
mmd -i "$esp" ::/EFI ::/EFI/debian ::/EFI/BOOT
mcopy -i "$esp" "$tmp/vmlinuz" "$tmp/initrd" ::/
mcopy -i "$esp" "$tmp/loader.efi" ::/EFI/debian/grubx64.efi
mcopy -i "$esp" "$tmp/loader.efi" ::/EFI/BOOT/BOOTX64.EFI
mkfs.ext4 -q -F -b 4096 -L GUEST-ROOT -J size=4 -E "offset=$((ROOT_FIRST * MIB)),lazy_itable_init=1" -d "$tree" "$out" "$(((SIZE - ROOT_FIRST - 1) * 1024))k"

# GRUB for BIOS: its first sector reads the rest from where this says (boot.img at 0x5c, the last block list of core.img's first sector).
number() { # BYTES VALUE: little-endian
  left=$2 i=0
  while [ "$i" -lt "$1" ]; do
    printf "\\$(printf %03o $((left % 256)))"
    left=$((left / 256)) i=$((i + 1))
  done
}
put() { dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
count=$((($(stat -c %s "$tmp/core.img") + 511) / 512))
number 8 $SECTORS | put "$tmp/boot.img" 92
{ number 8 $((SECTORS + 1)); number 2 $((count - 1)); number 2 2080; } | put "$tmp/core.img" 500
dd if="$tmp/boot.img" of="$out" bs=440 count=1 conv=notrunc status=none
dd if="$tmp/core.img" of="$out" bs=512 seek=$SECTORS conv=notrunc status=none
