// What a machine's first script (iPXE's or GRUB's) sends of it, from a URL's query. Pure; nothing in it is trusted.

import { type Mac, parseMac } from '../lib/index.ts';
import type { MachineArchitecture } from './decide/architectures.ts';
import { type HardwareNames, namesOfQuery } from './decide/facts.ts';
import { fail } from './errors.ts';

export interface MachineAsk {
  readonly mac: Mac;
  readonly smbiosUuid: string | null;
  /** iPXE's word: pcbios or efi. */
  readonly platform: string | null;
  /** iPXE's buildarch; null: not said. */
  readonly processor: MachineArchitecture | null;
  /** null: not said, since GRUB cannot. */
  readonly names: HardwareNames | null;
  readonly loader: 'ipxe' | 'grub';
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** An i386 build of iPXE runs on 64-bit processors too: undionly.kpxe is one. */
const BUILD_ARCHITECTURES: ReadonlyMap<string, MachineArchitecture> = new Map([
  ['i386', 'x86'],
  ['x86_64', 'x86'],
  ['arm32', 'arm'],
  ['arm64', 'arm64'],
]);
const PLATFORMS = ['pcbios', 'efi'] as const;

/** iPXE sends an empty uuid where the firmware has none. */
export function readMachineAsk(query: URLSearchParams): MachineAsk {
  const raw = query.get('mac') ?? '';
  const mac = parseMac(raw);
  if (mac === undefined) {
    throw fail('boot.bad_request', {
      message: `a boot script was asked for with mac=${JSON.stringify(raw.slice(0, 40))}, which is no MAC address`,
      hint: 'Boot through /boot/start.ipxe, which fills it in.',
    });
  }
  const uuid = (query.get('uuid') ?? '').toLowerCase();
  const platform = query.get('platform');
  return {
    mac,
    smbiosUuid: UUID.test(uuid) ? uuid : null,
    platform: PLATFORMS.find((known) => known === platform) ?? null,
    processor: BUILD_ARCHITECTURES.get(query.get('arch') ?? '') ?? null,
    names: query.has('manufacturer') ? namesOfQuery(query) : null,
    loader: platform === null ? 'grub' : 'ipxe',
  };
}
