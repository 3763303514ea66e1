// The firmwares of virtual machines, as QEMU's arguments. Knows nothing of disks, files being made or processes.

export const FIRMWARES = ['bios', 'uefi', 'uefi-http', 'uefi-secure'] as const;
export type Firmware = (typeof FIRMWARES)[number];

const OVMF = '/usr/share/OVMF';

/** Variable stores to copy per machine; the .ms one has Secure Boot on, with Microsoft's keys enrolled. */
export const VARS_TEMPLATES: Readonly<Record<Firmware, string | null>> = {
  bios: null,
  uefi: `${OVMF}/OVMF_VARS_4M.fd`,
  'uefi-http': `${OVMF}/OVMF_VARS_4M.fd`,
  'uefi-secure': `${OVMF}/OVMF_VARS_4M.ms.fd`,
};

export function firmwareArguments(firmware: Firmware, vars: string): readonly string[][] {
  if (firmware === 'bios') return [['-machine', 'q35']];
  const secure = firmware === 'uefi-secure';
  return [
    ...(secure ? SECURE_MACHINE : [['-machine', 'q35']]),
    ['-drive', `if=pflash,format=raw,unit=0,readonly=on,file=${OVMF}/OVMF_CODE_4M.${secure ? 'secboot.' : ''}fd`],
    ['-drive', `if=pflash,format=raw,unit=1,file=${vars}`],
  ];
}

/** Only code in system management mode may write the variables then; that mode's build of OVMF cannot sleep (S3). */
const SECURE_MACHINE = [
  ['-machine', 'q35,smm=on'],
  ['-global', 'driver=cfi.pflash01,property=secure,value=on'],
  ['-global', 'ICH9-LPC.disable_s3=1'],
];

interface Ways {
  readonly firmware: Firmware;
  readonly bootIpv4?: boolean;
  readonly bootIpv6?: boolean;
}

/** OVMF offers PXEv4, PXEv6, HTTPv4 and HTTPv6 per port, in that order; without the PXE entries it begins with HTTPv4. */
export function networkArguments({ firmware, bootIpv4 = true, bootIpv6 = false }: Ways): readonly string[][] {
  if (firmware === 'bios') return [];
  const pxe = firmware !== 'uefi-http';
  return [
    ['-fw_cfg', `name=opt/org.tianocore/IPv4PXESupport,string=${pxe && bootIpv4 ? 'yes' : 'no'}`],
    ['-fw_cfg', `name=opt/org.tianocore/IPv6PXESupport,string=${pxe && bootIpv6 ? 'yes' : 'no'}`],
  ];
}
