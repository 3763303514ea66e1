// [install]: what every unattended installation has in common, unless its profile says otherwise; and the pools of addresses and the disks
// that [[cluster]] and [[profile]] speak of.

import { type Static, Type } from 'typebox';
import { closed, oneOf, secret, text, texts, whole } from '../fields.ts';

export const BOOT_ORDERS = ['network-first', 'disk-first', 'leave'] as const;
export const SYSTEM_FILESYSTEMS = ['zfs', 'ext4', 'xfs', 'btrfs'] as const;
export const SYSTEM_RAID = ['auto', 'single', 'raid0', 'raid1', 'raid10', 'raidz-1', 'raidz-2', 'raidz-3'] as const;
export const DISK_KINDS = ['any', 'ssd', 'hdd', 'nvme'] as const;

export const InstallSection = Type.Object(
  {
    keyboard: text({ description: 'Keyboard layout, as the installer names it.', default: 'en-us', examples: ['de'] }),
    country: text({ description: 'Country, two lower-case letters.', pattern: '^[a-z]{2}$', default: 'us', examples: ['de'] }),
    timezone: text({ description: 'Time zone.', default: 'UTC', examples: ['Europe/Berlin'] }),
    mailto: text({
      description: 'Where installed systems send their mail.',
      default: 'root@localhost.localdomain',
      examples: ['admin@example.org'],
    }),
    domain: text({
      description: 'Domain of the names of installed systems.',
      format: 'hostname',
      default: 'localdomain',
      examples: ['home.arpa'],
    }),
    root_keys: texts({
      description: "SSH keys that may sign in as root, beside the appliance's own.",
      pattern: '^(?:ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/]+=*(?: .*)?$',
      'x-expected': 'a public key as OpenSSH writes it',
      examples: [['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHN0aWxsLWEtbWFkZS11cC1rZXktZm9yLXRoaXM= me']],
    }),
    root_password: Type.Optional(
      secret({
        description:
          'Password of root of installed systems, by reference; without it each node gets one of its own: rackseed node password NODE.',
        examples: [{ file: '/etc/rackseed/root-password' }],
      }),
    ),
    console: Type.Optional(
      text({
        description: 'Serial console of the installer and of what it installs, as the kernel names it.',
        pattern: '^tty[A-Za-z]{1,6}[0-9]{1,3}(?:,[0-9]{3,7}[neo]?[78]?)?$',
        'x-expected': 'a console such as "ttyS0,115200"',
        examples: ['ttyS0,115200'],
      }),
    ),
    min_memory_mb: whole({
      description: 'Least memory of a machine that shall load the installer over the network, in MiB; 0: by the size of the installer.',
      minimum: 0,
      maximum: 1_073_741_824,
      default: 0,
      examples: [0],
    }),
    fetch_hosts: texts({
      description:
        'Hosts, as URLs name them, that ISOs and config drives may be fetched from although they lead to the appliance itself or to its own link (loopback, link-local, metadata of clouds). All other hosts of the network need no word here.',
      pattern: '^[A-Za-z0-9:][A-Za-z0-9.:-]{0,252}$',
      'x-expected': 'a host name or an address',
      examples: [['mirror.localhost', '127.0.0.1']],
    }),
    stall_minutes: whole({
      description: 'After how long without a sign of life an installation counts as stuck and says what to look at, in minutes.',
      minimum: 1,
      maximum: 1440,
      default: 20,
      examples: [20],
    }),
  },
  { ...closed, description: 'What all unattended installations of Proxmox have in common.' },
);

const glob = 'Upper and lower case are alike, * stands for any text.';

export const SystemDisksTable = Type.Object(
  {
    filesystem: oneOf(SYSTEM_FILESYSTEMS, { description: 'File system of the installed system.', default: 'zfs', examples: ['zfs'] }),
    raid: oneOf(SYSTEM_RAID, {
      description: '"auto": a mirror where two disks fit, else one disk. ext4 and xfs take one disk only.',
      default: 'auto',
      examples: ['raid1'],
    }),
    count: Type.Optional(
      whole({ description: 'How many disks; by default the least that the level takes.', minimum: 1, maximum: 64, examples: [2] }),
    ),
    min_gb: Type.Optional(
      whole({ description: 'Smallest disk that may be taken, in GB (10^9 bytes).', minimum: 1, maximum: 1_000_000, examples: [100] }),
    ),
    max_gb: Type.Optional(
      whole({ description: 'Largest disk that may be taken, in GB.', minimum: 1, maximum: 1_000_000, examples: [1000] }),
    ),
    models: texts({ description: `Models that may be taken; empty: any. ${glob}`, examples: [['Samsung SSD 9*']] }),
    serials: texts({ description: `Serial numbers that may be taken; empty: any. ${glob}`, examples: [['S5GX*']] }),
    kind: oneOf(DISK_KINDS, { description: 'Kind of disk.', default: 'any', examples: ['nvme'] }),
  },
  {
    ...closed,
    description: 'Which disks the system of os = "proxmox" goes to.',
    examples: [
      { filesystem: 'zfs', raid: 'raid1', count: 2, min_gb: 100, max_gb: 1000, models: ['Samsung*'], serials: ['S5GX*'], kind: 'ssd' },
    ],
  },
);
export type SystemDisksTable = Static<typeof SystemDisksTable>;

export const AddressPool = Type.Object(
  {
    network: text({ description: 'Network of the addresses.', format: 'subnet', examples: ['10.0.0.0/24'] }),
    first: text({ description: 'First address that may be given.', format: 'ipv4-address', examples: ['10.0.0.11'] }),
    last: text({ description: 'Last address that may be given.', format: 'ipv4-address', examples: ['10.0.0.99'] }),
    gateway: text({ description: 'Gateway of the network.', format: 'ipv4-address', examples: ['10.0.0.1'] }),
    dns: Type.Optional(text({ description: 'DNS server; by default the gateway.', format: 'ipv4-address', examples: ['10.0.0.1'] })),
  },
  {
    ...closed,
    description: 'Addresses for the management of nodes, which the appliance gives for good and keeps out of DHCP.',
    examples: [{ network: '10.0.0.0/24', first: '10.0.0.11', last: '10.0.0.99', gateway: '10.0.0.1', dns: '10.0.0.1' }],
  },
);
