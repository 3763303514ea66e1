// Every Debian package the project can need, as data: for what, how its presence is seen, and why.
// Knows nothing of apt: adding a tool to the project is adding a row here.

export const NEED_GROUPS = ['lab', 'images', 'test', 'bench'] as const;
export type NeedGroup = (typeof NEED_GROUPS)[number];

/** A command is looked for in PATH and the sbin folders; a file may hold `*`. */
export type Probe = { readonly command: string } | { readonly file: string };

export interface DebianPackage {
  readonly groups: readonly NeedGroup[];
  readonly package: string;
  readonly probe: Probe;
  /** Completes "is needed …". */
  readonly why: string;
}

export const DEBIAN_PACKAGES: readonly DebianPackage[] = [
  { groups: ['lab'], package: 'qemu-system-x86', probe: { command: 'qemu-system-x86_64' }, why: 'to run the virtual mini-PC' },
  {
    groups: ['lab'],
    package: 'ovmf',
    probe: { file: '/usr/share/OVMF/OVMF_CODE_4M.fd' },
    why: 'as the UEFI firmware of the virtual mini-PC',
  },
  { groups: ['lab'], package: 'iproute2', probe: { command: 'ip' }, why: 'to make the private bridge of the lab' },
  { groups: ['images'], package: 'cpio', probe: { command: 'cpio' }, why: 'to pack the RAM system' },
  { groups: ['images'], package: 'zstd', probe: { command: 'zstd' }, why: 'to compress the RAM system' },
  { groups: ['images'], package: 'kmod', probe: { command: 'depmod' }, why: 'to index the kernel modules of the RAM system' },
  {
    groups: ['images'],
    package: 'debian-archive-keyring',
    probe: { file: '/usr/share/keyrings/debian-archive-keyring.gpg' },
    why: 'to check the Debian packages that the RAM system is made of',
  },
  { groups: ['images'], package: 'binutils', probe: { command: 'strip' }, why: 'to make the Node of the RAM system small' },
  { groups: ['images'], package: 'xz-utils', probe: { command: 'xz' }, why: 'to unpack Debian packages' },
  {
    groups: ['test'],
    package: 'mmdebstrap',
    probe: { command: 'mmdebstrap' },
    why: 'to make the minimal Debian systems that tests run in',
  },
  { groups: ['test'], package: 'genisoimage', probe: { command: 'genisoimage' }, why: 'to make disks that the agent recognises' },
  { groups: ['test'], package: 'squashfs-tools', probe: { command: 'mksquashfs' }, why: 'to make the installer that tests install with' },
  { groups: ['test'], package: 'xorriso', probe: { command: 'xorriso' }, why: 'to make ISOs with the layout of installers' },
  { groups: ['test'], package: 'libarchive-tools', probe: { command: 'bsdtar' }, why: 'as an independent reader of ISOs' },
  { groups: ['test'], package: 'p7zip-full', probe: { command: '7z' }, why: 'as an independent reader of ISOs' },
  { groups: ['test'], package: 'e2fsprogs', probe: { command: 'mkfs.ext4' }, why: 'to make disks that the agent recognises' },
  { groups: ['test'], package: 'dosfstools', probe: { command: 'mkfs.vfat' }, why: 'to make disks that the agent recognises' },
  { groups: ['test'], package: 'xfsprogs', probe: { command: 'mkfs.xfs' }, why: 'to make disks that the agent recognises' },
  { groups: ['test'], package: 'btrfs-progs', probe: { command: 'mkfs.btrfs' }, why: 'to make disks that the agent recognises' },
  { groups: ['test'], package: 'cryptsetup-bin', probe: { command: 'cryptsetup' }, why: 'to make disks that the agent recognises' },
  { groups: ['test'], package: 'gdisk', probe: { command: 'sgdisk' }, why: 'to make disks that the agent recognises' },
  { groups: ['test'], package: 'fdisk', probe: { command: 'sfdisk' }, why: 'to make disks that the agent recognises' },
  { groups: ['test'], package: 'mtools', probe: { command: 'mformat' }, why: 'to make disks that a virtual machine boots by itself' },
  { groups: ['test'], package: 'qemu-utils', probe: { command: 'qemu-img' }, why: 'to make images that the agent writes to disks' },
  { groups: ['test'], package: 'bzip2', probe: { command: 'bzip2' }, why: 'to pack such images' },
  { groups: ['test'], package: 'wget', probe: { command: 'wget' }, why: 'to tell of a first boot as an installed system does' },
  { groups: ['test'], package: 'python3', probe: { file: '/usr/bin/python3' }, why: 'to tell of a first boot where there is no curl' },
  { groups: ['test'], package: 'ansible-core', probe: { command: 'ansible-inventory' }, why: 'to read our inventory as Ansible does' },
  { groups: ['test'], package: 'git', probe: { command: 'git' }, why: 'to test the set-up in a clean clone' },
  {
    groups: ['test'],
    package: 'postgresql',
    probe: { file: '/usr/lib/postgresql/*/bin/initdb' },
    why: 'to run the store tests on PostgreSQL too',
  },
  { groups: ['test'], package: 'openipmi', probe: { command: 'ipmi_sim' }, why: 'for ipmi_sim, the BMC of the power tests' },
  { groups: ['test'], package: 'ipmitool', probe: { command: 'ipmitool' }, why: 'to ask BMCs by IPMI' },
  { groups: ['test'], package: 'openssh-server', probe: { command: 'sshd' }, why: 'as the running system that is shut down through SSH' },
  { groups: ['test'], package: 'openssh-client', probe: { command: 'ssh-keygen' }, why: 'to make keys for that' },
  { groups: ['test'], package: 'corosync', probe: { command: 'corosync' }, why: 'to ask real clusters for their votes' },
  { groups: ['test'], package: 'rsync', probe: { command: 'rsync' }, why: 'to sign in as a machine does that joins a cluster' },
  { groups: ['test'], package: 'openssl', probe: { command: 'openssl' }, why: 'to make the certificate of a smart plug' },
  { groups: ['test'], package: 'isc-dhcp-client', probe: { command: 'dhclient' }, why: 'as an independent DHCP client' },
  { groups: ['test'], package: 'dhcpcd-base', probe: { command: 'dhcpcd' }, why: 'as an independent DHCP client' },
  { groups: ['test'], package: 'nftables', probe: { command: 'nft' }, why: 'to make a server deaf to unicast, so that its clients rebind' },
  {
    groups: ['test'],
    package: 'busybox-static',
    probe: { command: 'busybox' },
    why: 'for udhcpc, an independent DHCP client, and busybox tftp',
  },
  { groups: ['test'], package: 'radvd', probe: { command: 'radvd' }, why: 'to play the router of a network of IPv6 alone' },
  { groups: ['test'], package: 'isc-dhcp-relay', probe: { command: 'dhcrelay' }, why: 'as an independent DHCP relay' },
  { groups: ['test'], package: 'tcpdump', probe: { command: 'tcpdump' }, why: 'to see what was said on the wire, and what was not' },
  { groups: ['test'], package: 'tftp-hpa', probe: { command: 'tftp' }, why: 'as an independent TFTP client' },
  { groups: ['test'], package: 'atftp', probe: { command: 'atftp' }, why: 'as an independent TFTP client with block size and window size' },
  { groups: ['test'], package: 'curl', probe: { command: 'curl' }, why: 'as an independent HTTP and TFTP client' },
  { groups: ['test'], package: 'kea-admin', probe: { command: 'perfdhcp' }, why: 'for perfdhcp, an independent DHCP load generator' },
  { groups: ['test'], package: 'dnsmasq-base', probe: { command: 'dnsmasq' }, why: 'as an independent DHCP and TFTP server' },
  { groups: ['test'], package: 'buildah', probe: { command: 'buildah' }, why: 'to build the container image without a daemon' },
  {
    groups: ['test'],
    package: 'python3-ironicclient',
    probe: { command: 'baremetal' },
    why: 'for the baremetal command line, an independent client of the OpenStack API',
  },
  {
    groups: ['test'],
    package: 'python3-openstacksdk',
    probe: { file: '/usr/lib/python3/dist-packages/openstack/__init__.py' },
    why: 'as an independent client of the OpenStack API',
  },
  { groups: ['bench'], package: 'ironic-api', probe: { command: 'ironic-api' }, why: 'as the bare-metal API to be measured against' },
  { groups: ['bench'], package: 'ironic-conductor', probe: { command: 'ironic-conductor' }, why: 'as what works behind that API' },
  { groups: ['bench'], package: 'kea-dhcp4-server', probe: { command: 'kea-dhcp4' }, why: 'as a DHCP server to be measured against' },
  // atftpd conflicts with tftpd-hpa: the benches unpack it into a folder of their own; this is what it needs besides.
  {
    groups: ['bench'],
    package: 'libpcre2-8-0',
    probe: { file: '/usr/lib/*/libpcre2-8.so.0' },
    why: 'for atftpd, which is measured against',
  },
  { groups: ['bench'], package: 'tftpd-hpa', probe: { command: 'in.tftpd' }, why: 'as a TFTP server to be measured against' },
  { groups: ['bench', 'test'], package: 'nginx-light', probe: { command: 'nginx' }, why: 'as an HTTP server to be measured against' },
  { groups: ['bench'], package: 'wrk', probe: { command: 'wrk' }, why: 'as an HTTP load generator' },
];

export function packagesFor(groups: readonly NeedGroup[]): DebianPackage[] {
  return DEBIAN_PACKAGES.filter((row) => row.groups.some((group) => groups.includes(group)));
}
