// The slots for memory, from `dmidecode --type 17`. Pure.

import { type Dimm, FACT_LIMITS } from '../../inspect/facts.ts';
import { cleanDmiText, cleanSerial } from '../../inspect/identity.ts';

const UNIT_MIB: Readonly<Record<string, number>> = { kB: 1 / 1024, MB: 1, GB: 1024, TB: 1024 * 1024 };

export function parseDimms(text: string): Dimm[] {
  return text
    .split(/\n\s*\n/)
    .filter((block) => /^Memory Device$/m.test(block))
    .map(dimmOf)
    .slice(0, FACT_LIMITS.dimms);
}

function dimmOf(block: string): Dimm {
  const lines = block.split('\n').map((line) => /^\s+([^:]+): (.*)$/.exec(line));
  const fields = new Map(
    lines.flatMap((match) => (match?.[1] === undefined || match[2] === undefined ? [] : [[match[1], match[2].trim()]])),
  );
  const [, amount, unit] = /^(\d+) (kB|MB|GB|TB)$/.exec(fields.get('Size') ?? '') ?? [];
  const said = (name: string): string | null => cleanDmiText(fields.get(name));
  return {
    slot: said('Locator'),
    bank: said('Bank Locator'),
    size_mb: Math.round(Number(amount ?? 0) * (UNIT_MIB[unit ?? ''] ?? 0)),
    type: said('Type'),
    speed: megatransfers(fields.get('Speed')),
    // dmidecode before 3.3 called it a clock.
    configured_speed: megatransfers(fields.get('Configured Memory Speed') ?? fields.get('Configured Clock Speed')),
    manufacturer: said('Manufacturer'),
    part: said('Part Number'),
    serial: cleanSerial(fields.get('Serial Number')),
  };
}

function megatransfers(text: string | undefined): number | null {
  const digits = /^(\d+) (?:MT\/s|MHz)$/.exec(text ?? '')?.[1];
  return digits === undefined ? null : Number(digits);
}
