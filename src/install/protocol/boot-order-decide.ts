// Does a machine's firmware keep the boot order that its profile asks for? Pure. Judged by what its new system reports, by what the agent
// reads there later, and by how it starts.

import type { BootOrder } from './first-boot-render.ts';

export interface OrderTold {
  /** efi, bios; null: not said. */
  readonly mode: string | null;
  readonly wanted: string | null;
  readonly did: string | null;
  /** "0002,0001" */
  readonly after: string | null;
  /** Lines of efibootmgr. */
  readonly entries: readonly string[];
}

/** A text says what somebody has to do; null: it is as it should be; undefined: this does not tell. */
export type OrderVerdict = string | null | undefined;

const FIX = 'set it in the firmware by hand';
/** As the script of the first boot tells them apart. */
const NETWORK = /MAC\(|IPv[46]\(|PXE|Network|HTTP.?Boot|LAN/i;

export function orderByReport({ mode, wanted, did, after, entries }: OrderTold): OrderVerdict {
  if (mode !== 'efi' || did === null) return undefined;
  if (wanted === 'network-first')
    return did === 'set to network first' || did === 'network first already' ? null : `its boot order is not network first: ${did}; ${FIX}`;
  if (wanted !== 'disk-first') return undefined;
  const first = after?.split(',')[0] ?? '';
  const entry = entries.find((line) => line.toLowerCase().startsWith(`boot${first.toLowerCase()}`));
  if (first === '' || entry === undefined) return undefined;
  return NETWORK.test(entry) ? `its boot order is not disk first: "${nameIn(entry)}" comes first; ${FIX}` : null;
}

/** `first`: what starts first of what is switched on, as the agent reads the firmware's variables. */
export function orderByFirmware(wanted: BootOrder, first: string | null): OrderVerdict {
  if (wanted === 'leave' || first === null) return undefined;
  if (wanted === 'network-first') return first === 'network' ? null : `its boot order is not network first any more; ${FIX}`;
  return first === 'network' ? `its boot order is not disk first any more: the network comes first; ${FIX}` : null;
}

/** It runs its system, and came to us on its way there. That it did not come tells nothing, and who says so may be anybody: so it can't be right again by it. */
export function orderByStart(wanted: BootOrder): OrderVerdict {
  return wanted === 'disk-first' ? `it started by the network, and its disk is to be first: ${FIX}, or its disk did not start` : undefined;
}

function nameIn(entry: string): string {
  return (
    entry
      .replace(/^Boot[0-9A-F]{4}\*?\s*/i, '')
      .split(/\s+(?=\w+\([^)]*\)\/)/)[0] // its device path
      ?.slice(0, 64) ?? ''
  );
}
