#!/bin/sh
# What starts the installer in the live system: devices, file systems, network, and then the way that the kernel's command line says.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C
mount -n -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
mkdir -p /dev/pts /run/lock
mount -t devpts devpts /dev/pts
[ -d /sys/firmware/efi ] && mount -t efivarfs efivarfs /sys/firmware/efi/efivars

consoles=/dev/console
case " $(cat /proc/cmdline) " in *' console=ttyS0'*) ;; *) [ -c /dev/ttyS0 ] && consoles="$consoles /dev/ttyS0" ;; esac
export INSTALLER_CONSOLES="$consoles"
say() { for to in $consoles; do echo "installer: $*" >"$to"; done; }
# The real one opens a shell. Nobody is there to use it, and tests wait for the line.
halt() { while :; do sleep 3600; done; }

/lib/systemd/systemd-udevd --daemon
udevadm trigger --type=subsystems --action=add
udevadm trigger --type=devices --action=add
udevadm settle --timeout=60
say 'devices'

has() { case " $(cat /proc/cmdline) " in *" $1 "*) return 0 ;; esac; return 1; }
if has proxmox-tui-mode; then
  say 'FAILED mode: text mode was asked for, somebody must answer its questions'
  halt
elif ! has proxmox-start-auto-installer && ! has proxauto; then
  say 'FAILED mode: manual mode, somebody must answer its questions'
  halt
fi

# On all ports at once; each prints a lease when there is one.
ip link set lo up
echo 'timeout 30;' >>/etc/dhcp/dhclient.conf
for path in /sys/class/net/*; do
  name=${path##*/}
  [ "$name" = lo ] && continue
  ip link set "$name" up
  dhclient -1 -pf "/run/dhclient.$name.pid" -lf "/run/dhclient.$name.leases" "$name" >/run/dhclient.$name.log 2>&1 &
done
wait
grep -hsE 'error|denied|not found|No DHCPOFFERS' /run/dhclient.*.log | while read -r line; do say "dhclient: $line"; done
say "network $(ip -o -4 addr show scope global | awk '{ print $2, $4 }' | tr '\n' ' ')"

node --no-warnings /usr/lib/installer/installer.mjs 2>/run/installer.err
case $? in
  0) say 'reboot'; sync; echo b >/proc/sysrq-trigger ;;
  3) say 'power off'; sync; echo o >/proc/sysrq-trigger ;;
  1) ;;
  *) say "FAILED program: $(tail -n 5 /run/installer.err | tr '\n' ' ')" ;;
esac
halt
