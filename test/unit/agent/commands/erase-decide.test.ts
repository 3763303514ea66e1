import { describe, expect, it } from 'vitest';
import { type Abilities, decideWays, readAtaSecurity, readNvme } from '../../../../src/agent/commands/erase/erase-decide.ts';
import { sanitizeStanding } from '../../../../src/agent/commands/erase/ways.ts';

const PLAIN: Abilities = { isRotational: false, discards: false, nvme: null, ata: null };
const NVME = { formats: true, cryptoErases: true, formatIsForAll: false, sanitizes: 'block', namespaces: 1, lbaFormat: 0 } as const;
const ATA = { isSupported: true, isEnabled: false, isLocked: false, isFrozen: false, isEnhanced: true, minutes: 2 };

const ways = (...args: Parameters<typeof decideWays>): readonly string[] | string => {
  const decided = decideWays(...args);
  return 'refused' in decided ? decided.refused : decided.ways;
};

describe('how a disk is erased', () => {
  it('is by its own means first, then discards, then overwriting', () => {
    expect(ways('auto', { ...PLAIN, nvme: NVME, discards: true })).toEqual([
      'nvme-crypto',
      'nvme-format',
      'nvme-sanitize',
      'discard',
      'overwrite',
    ]);
    expect(ways('auto', { ...PLAIN, ata: ATA, isRotational: true })).toEqual(['ata-secure', 'overwrite']);
    expect(ways('auto', PLAIN)).toEqual(['overwrite']);
  });

  it('is fast or not at all the express way: an ATA disk would take hours', () => {
    expect(ways('express', { ...PLAIN, ata: ATA, isRotational: true })).toEqual(['metadata']);
    expect(ways('express', { ...PLAIN, ata: ATA, discards: true })).toEqual(['discard', 'metadata']);
    expect(ways('express', { ...PLAIN, nvme: NVME })).toEqual(['nvme-crypto', 'nvme-format', 'nvme-sanitize', 'metadata']);
  });

  it('is refused with the reason where only the disk itself may do it, and can not', () => {
    expect(ways('secure', { ...PLAIN, ata: { ...ATA, isFrozen: true } })).toContain('the firmware froze its security');
    expect(ways('secure', { ...PLAIN, ata: { ...ATA, isSupported: false } })).toContain('no ATA security');
    expect(ways('secure', PLAIN)).toContain('neither NVMe nor ATA');
    expect(ways('discard', PLAIN)).toBe('it takes no discards');
  });

  it('never reaches the other namespaces of a controller', () => {
    const shared = { ...NVME, namespaces: 4, formatIsForAll: true };
    expect(ways('secure', { ...PLAIN, nvme: shared })).toMatch(/all 4 namespaces.*all 4 namespaces/);
    expect(ways('auto', { ...PLAIN, nvme: { ...NVME, namespaces: 4 } })).toEqual(['nvme-crypto', 'nvme-format', 'overwrite']);
  });
});

describe('what disks say of themselves', () => {
  it('is read from nvme-cli', () => {
    expect(readNvme({ oacs: 0x17, fna: 0x4, sanicap: 0x60000002, nn: 1 }, { flbas: 0x21 })).toEqual({
      formats: true,
      cryptoErases: true,
      formatIsForAll: false,
      sanitizes: 'block',
      namespaces: 1,
      lbaFormat: 0x11,
    });
    expect(readNvme(null, 'x')).toMatchObject({ formats: false, sanitizes: null, namespaces: 1 });
  });

  it('is read from hdparm', () => {
    const text = (more: string): string => `
ATA device, with non-removable media
Security:
\tMaster password revision code = 65534
\t\tsupported
\tnot\tenabled
\tnot\tlocked
${more}
\tnot\texpired: security count
\t\tsupported: enhanced erase
\t2min for SECURITY ERASE UNIT. 8min for ENHANCED SECURITY ERASE UNIT.
Logical Unit WWN Device Identifier: 5000c500a1b2c3d4
`;
    expect(readAtaSecurity(text('\tnot\tfrozen'))).toEqual({ ...ATA, minutes: 8 });
    expect(readAtaSecurity(text('\t\tfrozen'))?.isFrozen).toBe(true);
    expect(readAtaSecurity('ATA device\n')).toBeNull();
  });

  it('is how far a sanitize is', () => {
    expect(sanitizeStanding('{"nvme0":{"sprog":32768,"sstat":2,"scdw10":1}}')).toEqual({ status: 2, fraction: 0.5 });
    expect(sanitizeStanding('{"nvme0":{"sprog":65535,"sstat":257}}').status).toBe(1);
    expect(
      sanitizeStanding('{"sprog":65535,"sstat":{"global_erased":1,"status":"(1) Most Recent Sanitize Command Completed"}}').status,
    ).toBe(1);
  });
});
