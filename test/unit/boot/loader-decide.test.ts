import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkLoader, inspectLoader, LOADER_BYTES_MAX, LOADER_NAMES } from '../../../src/boot/index.ts';

const MACHINE = { x64: 0x8664, ia32: 0x14c, arm64: 0xaa64, arm32: 0x1c2 } as const;

/** The headers of an EFI program, with nothing behind them. */
function efi({
  machine = MACHINE.x64,
  magic = 0x20b,
  subsystem = 10,
  certificate = 0,
}: Partial<Record<'machine' | 'magic' | 'subsystem' | 'certificate', number>> = {}): Uint8Array {
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x4d5a);
  view.setUint32(0x3c, 0x80, true);
  view.setUint32(0x80, 0x50450000);
  view.setUint16(0x84, machine, true);
  view.setUint16(0x98, magic, true);
  view.setUint16(0x98 + 68, subsystem, true);
  view.setUint32(0x98 + (magic === 0x20b ? 112 : 96) + 36, certificate, true);
  return bytes;
}

const nbp = new Uint8Array(4096).fill(0x90);

describe('a boot loader that somebody brings', () => {
  it.each([
    ['x64', {}],
    ['ia32', { machine: MACHINE.ia32, magic: 0x10b }],
    ['arm64', { machine: MACHINE.arm64 }],
    ['arm32', { machine: MACHINE.arm32, magic: 0x10b }],
  ] as const)('is known for UEFI %s by its header, and whether it is signed', (kind, header) => {
    expect(inspectLoader(efi(header), 1_000_000)).toEqual({ kind, signed: false });
    expect(inspectLoader(efi({ ...header, certificate: 1472 }), 1_000_000)).toEqual({ kind, signed: true });
  });

  it('is refused for another machine than the name is for, with what it is', () => {
    expect(() => checkLoader('snponly-x86_64.efi', '/tmp/a.efi', efi({ machine: MACHINE.arm64 }), 5000)).toThrow(
      '/tmp/a.efi is a boot loader for arm64, and snponly-x86_64.efi is the first stage for UEFI x64',
    );
    expect(() => checkLoader('undionly.kpxe', '/tmp/a.efi', efi(), 5000)).toThrow(/is a boot loader for x64/);
    expect(() => checkLoader('grubx64.efi', '/tmp/nbp', nbp, 5000)).toThrow(/is a boot loader for bios/);
  });

  it.each([
    ['a driver', efi({ subsystem: 11 }), 5000, /subsystem 11, not an EFI application/],
    ['a program of Windows', efi({ subsystem: 3 }), 5000, /subsystem 3/],
    ['one for another processor', efi({ machine: 0x5064 }), 5000, /type 0x5064/],
    ['half a file', efi().subarray(0, 600).fill(0, 0x80), 600, /no PE header/],
    ['nothing', new Uint8Array(0), 0, /only 0 bytes/],
    ['a script', new TextEncoder().encode('#!ipxe\n'.repeat(100)), 700, /no boot program for BIOS/],
    ['an error page', new TextEncoder().encode('<html>'.repeat(100)), 600, /no boot program for BIOS/],
    ['one too large for base memory', nbp, 700_000, /BIOS machines have room for 62/],
    ['a disk image', nbp, LOADER_BYTES_MAX + 1, /too large/],
  ] as const)('is refused when it is %s', (_, bytes, size, words) => {
    expect(() => checkLoader('undionly.kpxe', '/tmp/x', bytes, size)).toThrow(words);
  });

  it('is refused under a name that nobody asks for', () => {
    for (const name of ['../x', 'ipxe', '__proto__', 'constructor', ''])
      expect(() => checkLoader(name, '/tmp/x', efi(), 5000), name).toThrow(/no name that a machine or a loader asks for/);
    for (const [name, { kind }] of Object.entries(LOADER_NAMES))
      expect(checkLoader(name, '/tmp/x', kind === 'bios' ? nbp : efi({ machine: MACHINE[kind] }), 5000)).toMatchObject({ kind });
  });

  it('is judged or refused, whatever its bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4096 }), fc.boolean(), (bytes, isMz) => {
        if (isMz && bytes.length > 1) bytes.set([0x4d, 0x5a]);
        const result = inspectLoader(bytes, bytes.length);
        expect('bad' in result || 'kind' in result).toBe(true);
      }),
    );
  });
});
