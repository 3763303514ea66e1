// The first bytes of kernels, UEFI programs and squashfs images.

import { describe, expect, it } from 'vitest';
import { readKernelHead, readPeHead, readSquashfsHead } from '../../../../src/install/installers/program-codec.ts';
import { smallKernel, smallPe, smallSquashfs } from '../../../support/installer-iso.ts';

describe('a kernel', () => {
  it('tells its version, its EFI stub, and whether it is signed', () => {
    expect(readKernelHead(smallKernel('6.8.4-2-pve (x@y)', false))).toEqual({
      version: '6.8.4-2-pve (x@y)',
      hasEfiStub: true,
      isSigned: false,
    });
    expect(readKernelHead(smallKernel())).toMatchObject({ isSigned: true });
  });

  it('of BIOS alone is one too, and one without a version is no worse', () => {
    const kernel = smallKernel();
    kernel.writeUInt16LE(0, 0);
    kernel.writeUInt16LE(0, 0x20e);
    expect(readKernelHead(kernel)).toEqual({ version: null, hasEfiStub: false, isSigned: false });
  });

  it.each([[Buffer.alloc(10)], [Buffer.alloc(4096)], [Buffer.from('\u007fELF'.padEnd(4096, '\0'))]])(
    'is none when it does not begin as one (%#)',
    (bytes) => {
      expect(readKernelHead(bytes)).toEqual(expect.any(String));
    },
  );
});

describe('a program for UEFI', () => {
  it('says for which processor it is and whether it has a certificate table', () => {
    expect(readPeHead(smallPe(true))).toEqual({ machine: 0x8664, isSigned: true });
    expect(readPeHead(smallPe(false))).toEqual({ machine: 0x8664, isSigned: false });
  });

  it('cut off anywhere is none, and never throws', () => {
    const whole = smallPe(true);
    for (let length = 0; length < 0x130; length += 1) expect(readPeHead(whole.subarray(0, length))).toEqual(expect.any(String));
    const astray = smallPe(true);
    astray.writeUInt32LE(0xffff_fff0, 0x3c);
    expect(readPeHead(astray)).toBe('it has no PE header');
  });
});

describe('a squashfs', () => {
  it('says how it is packed', () => {
    expect(readSquashfsHead(smallSquashfs(4096))).toEqual({ compression: 'zstd', bytes: 4096 });
    expect(readSquashfsHead(Buffer.alloc(4096))).toContain('does not begin');
    expect(readSquashfsHead(Buffer.alloc(3))).toContain('does not begin');
  });
});
