// [enrol], [[rule]], [[profile]] and [[cluster]]: which machines are taken in, and what they become.

import { Type } from 'typebox';
import { closed, flag, NAME, oneOf, secret, text, texts, whole } from '../fields.ts';
import { AddressPool, BOOT_ORDERS, SystemDisksTable } from './install.ts';

export const ENROL_MODES = ['closed', 'open'] as const;
export const IMAGE_FORMATS = ['auto', 'raw', 'qcow2'] as const;
export const PROFILE_SYSTEMS = ['proxmox', 'image'] as const;
/** What a rule's name_pattern may ask for, in braces. */
export const NAME_PLACEHOLDERS = ['n', 'serial', 'mac', 'product', 'lldp_port'] as const;
/** Of a profile: which disks a yes to it allows to erase. */
export const WIPES = ['os', 'all'] as const;

export const EnrolSection = Type.Object(
  {
    mode: oneOf(ENROL_MODES, {
      description:
        '"closed": an unknown machine that no rule matches boots its own disk. "open": it boots the agent in RAM and is listed. Neither wipes anything.',
      default: 'closed',
      examples: ['closed'],
    }),
    window_minutes: whole({
      description: 'How long enrolment stays open when it is opened by hand, in minutes.',
      minimum: 1,
      maximum: 10_080,
      default: 60,
      examples: [60],
    }),
    wait_minutes: whole({
      description: 'How long an unknown machine waits in RAM for a yes before it boots its own disk, in minutes.',
      minimum: 1,
      maximum: 1440,
      default: 10,
      examples: [10],
    }),
  },
  { ...closed, description: 'What happens to machines that nobody has named yet.' },
);

const GLOB = 'Upper and lower case are alike, * stands for any text.';

const RuleMatch = Type.Object(
  {
    manufacturer: Type.Optional(text({ description: `DMI manufacturer. ${GLOB}`, examples: ['Dell*'] })),
    product: Type.Optional(text({ description: `DMI product name. ${GLOB}`, examples: ['PowerEdge R6*'] })),
    serial: Type.Optional(text({ description: `DMI serial number. ${GLOB}`, examples: ['CN7475*'] })),
    uuid: Type.Optional(text({ description: 'SMBIOS UUID.', format: 'uuid', examples: ['4c4c4544-0042-3510-8051-b4c04f4d3232'] })),
    mac: Type.Optional(
      text({ description: 'A MAC address of the machine, or its beginning and *.', format: 'mac-pattern', examples: ['52:54:00:*'] }),
    ),
    min_cpus: Type.Optional(whole({ description: 'At least so many CPU threads.', minimum: 1, maximum: 65_536, examples: [4] })),
    min_memory_mb: Type.Optional(
      whole({ description: 'At least so much memory, in MiB.', minimum: 1, maximum: 1_073_741_824, examples: [16_384] }),
    ),
    min_disks: Type.Optional(whole({ description: 'At least so many disks.', minimum: 0, maximum: 4096, examples: [2] })),
    min_disk_gb: Type.Optional(
      whole({ description: 'A disk of at least so many GB (10^9 bytes).', minimum: 1, maximum: 1_000_000, examples: [240] }),
    ),
    disk_model: Type.Optional(text({ description: `Model of one of its disks. ${GLOB}`, examples: ['Samsung SSD 9*'] })),
    min_nic_mbps: Type.Optional(
      whole({ description: 'A network port with a link of at least so many Mbit/s.', minimum: 1, maximum: 10_000_000, examples: [2500] }),
    ),
    subnet: Type.Optional(text({ description: 'Network in which it got an address.', format: 'subnet', examples: ['10.0.7.0/24'] })),
    lldp_neighbour: Type.Optional(text({ description: `Name of the switch heard by LLDP. ${GLOB}`, examples: ['rack7-*'] })),
    lldp_port: Type.Optional(text({ description: `Port of that switch. ${GLOB}`, examples: ['Ethernet1/*'] })),
  },
  {
    ...closed,
    minProperties: 1,
    description: 'What the machine must be; all that is written must fit.',
    examples: [{ manufacturer: 'Dell*', min_disks: 2 }],
  },
);

export const Rule = Type.Object(
  {
    name: text({ description: 'Name of the rule, shown as the reason for what it did.', ...NAME, examples: ['rack7'] }),
    match: RuleMatch,
    profile: text({ description: 'The [[profile]] that a matching machine shall get.', ...NAME, examples: ['pve'] }),
    name_pattern: Type.Optional(
      text({
        description:
          "How to name matching machines. {n} counts up and is never given twice; {serial}, {mac} and {product} are the machine's own, {lldp_port} is its switch port.",
        maxLength: 63,
        examples: ['pve{n}'],
      }),
    ),
    auto_approve: flag({
      description: 'Say yes to the wipe plan of matching machines without asking a person.',
      default: false,
      examples: [false],
    }),
    overwrite_filesystems: flag({
      description:
        'The wipe plan of matching machines may hold disks with file systems (a preinstalled Windows). ZFS, Ceph, LVM, md, LUKS and Proxmox installations always need a yes to their serial number.',
      default: false,
      examples: [true],
    }),
  },
  { ...closed, description: 'Matches unknown machines to a profile. The first rule that fits counts.' },
);

const variable = Type.Unsafe<string | number | boolean | string[]>({
  type: ['string', 'number', 'boolean', 'array'],
  items: { type: 'string' },
  'x-expected': 'a text, a number, true, false or a list of texts',
});

export const Profile = Type.Object(
  {
    name: text({ description: 'Name of the profile.', ...NAME, examples: ['pve'] }),
    os: oneOf(PROFILE_SYSTEMS, {
      description: '"proxmox": install from a Proxmox ISO and an answer template. "image": write a disk image.',
      examples: ['proxmox'],
    }),
    answer_template: Type.Optional(
      text({
        description:
          'Answer template, for os = "proxmox": one of those that come along, or of DATA_DIR/answer-files. By default "zfs": a mirror where two disks fit, else one disk.',
        ...NAME,
        examples: ['zfs-mirror'],
      }),
    ),
    image: Type.Optional(
      text({
        description:
          'The image. For os = "image": its URL, or the path of a file on the appliance. For "proxmox" the installer, by default the newest that was imported.',
        examples: ['proxmox-ve-9'],
      }),
    ),
    image_checksum: Type.Optional(
      text({
        description: 'Checksum of the image, for os = "image": needed for a URL; of a file on the appliance it is computed.',
        pattern: '^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$',
        'x-expected': '"sha256:" or "sha512:" and the checksum in hexadecimal digits',
        examples: [`sha256:${'ab'.repeat(32)}`],
      }),
    ),
    image_format: Type.Optional(
      oneOf(IMAGE_FORMATS, {
        description: 'Format of the image, whatever it is packed with; "auto" looks at its first bytes.',
        examples: ['qcow2'],
      }),
    ),
    first_boot: flag({
      description:
        'Wait for the new system to tell of its first boot, with its SSH host keys, before the machine counts as deployed. The image needs cloud-init.',
      default: false,
      examples: [true],
    }),
    wipe: oneOf(WIPES, {
      description:
        '"os": only the disks that the system goes to may be erased. "all": every internal disk whose contents nobody may miss, too.',
      default: 'os',
      examples: ['os'],
    }),
    system_disks: Type.Optional(SystemDisksTable),
    boot_order: oneOf(BOOT_ORDERS, {
      description:
        'UEFI boot order of the installed system. "network-first" lets the appliance decide at each boot; needed where nobody can switch the machine to the network.',
      default: 'network-first',
      examples: ['network-first'],
    }),
    pipeline: Type.Optional(text({ description: 'Pipeline of steps after the installation.', ...NAME, examples: ['cluster-node'] })),
    cluster: Type.Optional(text({ description: 'The [[cluster]] that such machines join.', ...NAME, examples: ['home'] })),
    resource_class: Type.Optional(text({ description: 'Resource class that reservations ask for.', ...NAME, examples: ['mini-pc'] })),
    variables: Type.Record(Type.String({ pattern: '^[a-z][a-z0-9_]*$' }), variable, {
      ...closed,
      description: 'Values for templates and pipeline steps. Names are lower case. No secrets.',
      default: {},
      examples: [{ timezone: 'Europe/Berlin' }],
    }),
  },
  { ...closed, description: 'What a machine shall become.' },
);

export const Cluster = Type.Object(
  {
    name: text({
      description: 'Name of the Proxmox cluster.',
      pattern: '^[A-Za-z](?:[A-Za-z0-9-]{0,13}[A-Za-z0-9])?$',
      'x-expected': 'a name of letters, digits and "-" (at most 15, as Proxmox has it)',
      examples: ['home'],
    }),
    links: texts({
      description: 'Corosync networks, link 0 first (at most 8).',
      format: 'network',
      maxItems: 8,
      examples: [['10.0.0.0/24']],
    }),
    ceph_public_network: Type.Optional(
      text({ description: 'Network that Ceph clients use.', format: 'network', examples: ['10.0.1.0/24'] }),
    ),
    ceph_cluster_network: Type.Optional(
      text({ description: 'Network that Ceph OSDs copy over; without it the public one.', format: 'network', examples: ['10.0.2.0/24'] }),
    ),
    addresses: Type.Optional(AddressPool),
    dhcp_addresses: flag({
      description:
        'Without addresses: nodes may keep the address that DHCP gave the installer, which writes it down for good. The DHCP server must then never give it to anybody else.',
      default: false,
      examples: [false],
    }),
    observe_only: flag({
      description: 'Watch and plan only; write nothing to this cluster or its nodes.',
      default: false,
      examples: [true],
    }),
    api_url: Type.Optional(
      text({
        description: 'API of a member, for a cluster that already runs.',
        format: 'http-origin',
        examples: ['https://10.0.0.11:8006'],
      }),
    ),
    api_fingerprint: Type.Optional(
      text({
        description: "SHA-256 fingerprint of that member's certificate.",
        pattern: '^[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){31}$',
        'x-expected': '32 pairs of hexadecimal digits with ":" between them',
        examples: [Array.from({ length: 32 }, (_, i) => i.toString(16).padStart(2, '0').toUpperCase()).join(':')],
      }),
    ),
    api_token_id: Type.Optional(
      text({
        description: 'API token, its public part.',
        pattern: '^[^@!\\s]+@[^@!\\s]+![^@!\\s]+$',
        'x-expected': 'a token such as "root@pam!rackseed"',
        examples: ['root@pam!rackseed'],
      }),
    ),
    api_token: Type.Optional(
      secret({ description: 'API token, its secret part, by reference.', examples: [{ file: '/etc/rackseed/home-token' }] }),
    ),
    root_password: Type.Optional(
      secret({
        description: 'Password of root@pam by reference, for the few calls that Proxmox grants no token.',
        examples: [{ credential: 'home-root' }],
      }),
    ),
  },
  { ...closed, description: 'A Proxmox cluster that nodes join.' },
);
