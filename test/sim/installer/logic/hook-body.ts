// What the installer tells its web hook when all is done. Asks nothing.

import type { Answer } from './answer.ts';
import type { Disk } from './machine.ts';
import type { Port, Settings } from './network.ts';
import { atLeast } from './release.ts';
import type { SystemInformation } from './transport.ts';

export interface Done {
  readonly information: SystemInformation;
  readonly answer: Answer;
  readonly settings: Settings;
  readonly disks: readonly Disk[];
  readonly chosen: readonly Disk[];
  readonly ports: readonly Port[];
  readonly bootMode: 'bios' | 'efi';
  readonly isSecureBoot: boolean;
  readonly debianVersion: string;
  readonly kernel: { readonly release: string; readonly version: string };
  readonly machineId: string;
  readonly cpuinfo: string;
  readonly hostKeys: Readonly<Record<'ecdsa' | 'ed25519' | 'rsa', string>>;
}

export function hookBody(done: Done): string {
  const { information, answer, settings, ports, bootMode, isSecureBoot, kernel, hostKeys } = done;
  const { release } = information.iso;
  const isPinningKnown = atLeast(release, '9.1');
  const { fullname, product } = information.product;
  const { filesystem, raid } = answer.disks;
  const { dmi } = information;
  return JSON.stringify({
    $schema: { version: isPinningKnown ? '1.2' : '1.1' },
    'debian-version': done.debianVersion,
    product: { fullname, short: product, version: `${release}.0` },
    iso: information.iso,
    'kernel-version': { sysname: 'Linux', release: kernel.release, version: kernel.version, machine: 'x86_64' },
    'boot-info': { mode: bootMode, ...(bootMode === 'efi' && { secureboot: isSecureBoot }) },
    'cpu-info': cpuInfo(done.cpuinfo),
    dmi: { baseboard: dmi.baseboard, chassis: dmi.chassis, system: dmi.system },
    filesystem: raid === null ? filesystem : `${filesystem} (${raid})`,
    fqdn: `${settings.fqdn.host}.${settings.fqdn.domain}`,
    'machine-id': done.machineId,
    disks: disksOfBody(done),
    'network-interfaces': ports.map(({ name, mac, udev }) => ({
      name: settings.pinned.get(name) ?? name,
      mac,
      ...(name === settings.management.name && { address: settings.cidr, 'is-management': true }),
      ...(isPinningKnown && settings.pinned.has(name) && { 'is-pinned': true }),
      'udev-properties': udev,
    })),
    'ssh-public-host-keys': hostKeys,
    ...(atLeast(release, '8.4') && { 'reboot-mode': answer.global.rebootMode }),
    ...(answer.hook?.token !== null && answer.hook?.token !== undefined && { token: answer.hook.token }),
  });
}

/** The real one gives the size that was configured for every disk, whatever its own size is. */
function disksOfBody({ disks, chosen, answer }: Done): readonly object[] {
  const size = answer.disks.hdsize === null ? (chosen[0]?.bytes ?? 0) : answer.disks.hdsize * 1024 ** 3;
  return disks.map((disk) => ({ size, ...(chosen.includes(disk) && { 'is-bootdisk': true }), 'udev-properties': disk.udev }));
}

function cpuInfo(cpuinfo: string): object {
  const all = (key: string): string[] => [...cpuinfo.matchAll(new RegExp(`^${key}\\s*: (.*)$`, 'gm'))].map((match) => match[1] ?? '');
  const flags = all('flags')[0] ?? '';
  const sockets = Math.max(1, new Set(all('physical id')).size);
  return {
    cores: Number(all('cpu cores')[0] ?? 1) * sockets,
    cpus: all('processor').length,
    flags,
    hvm: /\b(?:vmx|svm)\b/.test(flags),
    model: all('model name')[0] ?? '',
    sockets,
  };
}
