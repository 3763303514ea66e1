// [boot]: how machines are booted, and how one that is not to be touched gets to its own disk.

import { Type } from 'typebox';
import { closed, oneOf, text } from '../fields.ts';

export const UEFI_LOADERS = ['auto', 'ipxe', 'shim'] as const;
export const OWN_DISK_WAYS = ['auto', 'silent', 'exit', 'sanboot', 'chain'] as const;

const GLOB = 'Upper and lower case are alike, * stands for any text.';

const EFI_PATH = {
  pattern: '^(?:\\\\[A-Za-z0-9][A-Za-z0-9._-]{0,63}){1,8}$',
  'x-expected': 'a path such as "\\EFI\\debian\\shimx64.efi": names of letters, digits, ".", "_" and "-", each after a "\\"',
} as const;

const WAYS =
  '"auto": the firmware goes on by itself, and is told at once that there is nothing to boot where nobody else could have it (dhcp.mode = "full"); "silent": it gets no boot file. The others are for firmware that loses its way or much time then: iPXE is booted, and "exit" gives the turn back to the firmware, "sanboot" starts the first disk, "chain" starts the EFI loader in own_disk_path or, without it, the one that is found.';

export const BootModel = Type.Object(
  {
    manufacturer: Type.Optional(text({ description: `DMI manufacturer. ${GLOB}`, examples: ['Dell*'] })),
    product: Type.Optional(text({ description: `DMI product name. ${GLOB}`, examples: ['OptiPlex 30*'] })),
    own_disk: oneOf(OWN_DISK_WAYS, { description: `How this model gets to its own disk. ${WAYS}`, examples: ['exit'] }),
    own_disk_path: Type.Optional(
      text({
        description: 'The EFI loader to start instead of boot.own_disk_path.',
        ...EFI_PATH,
        examples: ['\\EFI\\debian\\shimx64.efi'],
      }),
    ),
  },
  { ...closed, description: 'A model that needs another way to its own disk. The first that fits counts.' },
);

export const BootSection = Type.Object(
  {
    uefi_loader: oneOf(UEFI_LOADERS, {
      description:
        'What UEFI firmware is given first: "ipxe", or "shim": the signed chain of shim and GRUB, for Secure Boot. "auto": iPXE, and shim for machines on which iPXE never spoke.',
      default: 'auto',
      examples: ['auto'],
    }),
    own_disk: oneOf(OWN_DISK_WAYS, {
      description: `How a known machine that is not to be touched gets to its own disk. ${WAYS}`,
      default: 'auto',
      examples: ['auto'],
    }),
    own_disk_path: Type.Optional(
      text({
        description:
          'The EFI loader on the disk, tried before those that Proxmox VE, Debian, Ubuntu, Fedora, SUSE, systemd and Windows install.',
        ...EFI_PATH,
        examples: ['\\EFI\\debian\\shimx64.efi'],
      }),
    ),
    model: Type.Array(BootModel, { description: 'Models that need another way.', maxItems: 256, default: [] }),
  },
  { ...closed, description: 'How machines are booted.' },
);
