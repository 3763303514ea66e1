// The machine as the live system has it: DMI, disks, ports, the lease.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { type Disk, disksOf, readUdev } from '../logic/machine.ts';
import type { Lease, Port } from '../logic/network.ts';
import { DMI_FILES, type SystemInformation } from '../logic/transport.ts';
import { run, word } from './shell.ts';

export interface Facts {
  readonly information: SystemInformation;
  readonly bootMode: 'bios' | 'efi';
  readonly isSecureBoot: boolean;
}

const SECURE_BOOT = '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';

export function gatherFacts(): Facts {
  const info = Object.fromEntries(readFileSync('/.cd-info', 'utf8').split('\n').flatMap(assignment));
  const { PRODUCT = '', PRODUCTLONG = '', RELEASE = '', ISORELEASE = '' } = info;
  const section = (files: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(
      Object.entries(files).flatMap(([key, file]) => {
        const value = word(`/sys/class/dmi/id/${file}`);
        return value === null ? [] : [[key, value]];
      }),
    );
  const dmi = { system: section(DMI_FILES.system), baseboard: section(DMI_FILES.baseboard), chassis: section(DMI_FILES.chassis) };
  return {
    information: {
      product: { fullname: PRODUCTLONG, product: PRODUCT, enable_btrfs: PRODUCT === 'pve' },
      iso: { release: RELEASE, isorelease: ISORELEASE },
      dmi,
      links: findPorts().map(({ name, mac }) => ({ link: name, mac })),
    },
    bootMode: existsSync('/sys/firmware/efi') ? 'efi' : 'bios',
    isSecureBoot: existsSync(SECURE_BOOT) && readFileSync(SECURE_BOOT)[4] === 1,
  };
}

/** NAME='value', as a shell reads it. */
function assignment(line: string): readonly (readonly [string, string])[] {
  const match = /^([A-Z]+)='?([^']*)'?$/.exec(line);
  return match === null ? [] : [[match[1] ?? '', match[2] ?? '']];
}

export function findPorts(): readonly Port[] {
  return readdirSync('/sys/class/net')
    .filter((name) => name !== 'lo')
    .map((name) => ({
      name,
      mac: word(`/sys/class/net/${name}/address`) ?? '',
      udev: readUdev(run('udevadm', ['info', '--path', `/sys/class/net/${name}`, '--query', 'all'])),
    }));
}

export function findDisks(): readonly Disk[] {
  return disksOf(
    readdirSync('/sys/block').map((name) => ({
      name,
      sectors: Number(word(`/sys/block/${name}/size`)),
      blockSize: Number(word(`/sys/block/${name}/queue/logical_block_size`)),
      udevText: run('udevadm', ['info', '--path', `/sys/block/${name}`, '--query', 'all']),
    })),
  );
}

/** Of the port that has the default route. */
export function findLease(): Lease | null {
  const route = /^default via (\S+) dev (\S+)/m.exec(run('ip', ['-4', 'route', 'show', 'default']));
  if (route === null) return withoutRoute();
  const [, gateway = '', port = ''] = route;
  return leaseOf(port, gateway);
}

/** A network that leads nowhere else gives addresses without a router. */
function withoutRoute(): Lease | null {
  const [first] = findPorts().filter(({ name }) => addressOf(name) !== null);
  return first === undefined ? null : leaseOf(first.name, null);
}

function leaseOf(port: string, gateway: string | null): Lease | null {
  const cidr = addressOf(port);
  if (cidr === null) return null;
  const leases = word(`/run/dhclient.${port}.leases`) ?? '';
  const option = (name: string): string | null =>
    [...leases.matchAll(new RegExp(`option ${name} "?([^";,]+)"?[;,]`, 'g'))].at(-1)?.[1] ?? null;
  const dns = /^nameserver (\S+)/m.exec(word('/etc/resolv.conf') ?? '')?.[1] ?? null;
  return { port, cidr, gateway, dns, hostName: option('host-name'), domain: option('domain-name') };
}

function addressOf(port: string): string | null {
  return /inet (\S+)/.exec(run('ip', ['-4', '-o', 'addr', 'show', 'dev', port, 'scope', 'global']))?.[1] ?? null;
}
