import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanDmiText, cleanSerial, cleanSmbiosUuid } from '../../../src/inspect/identity.ts';

describe('a DMI text', () => {
  it.each([
    'Default string',
    'DEFAULT STRING',
    'To Be Filled By O.E.M.',
    'To be filled by O.E.M. by More String',
    'System manufacturer',
    'System Product Name',
    'System Serial Number',
    'Not Specified',
    'Not Applicable',
    'N/A',
    'None',
    'Unknown',
    '.',
    '-',
    '   ',
    '',
    '0',
    '00000000',
    'XXXXXXXX',
    'OEM',
    'Chassis Serial Number',
    '\u0000\u0000',
    '\ufffd\ufffd\ufffd',
  ])('that is the placeholder %j is nothing', (text) => {
    expect(cleanDmiText(text)).toBeNull();
  });

  it.each([
    'Dell Inc.',
    'PowerEdge R640',
    'NUC13ANHi7',
    'MS-7C91',
    'X11SSH-F',
    'ThinkCentre M70q Gen 3',
    '10ST',
    'Standard PC (Q35 + ICH9, 2009)',
  ])('that means something is kept: %s', (text) => {
    expect(cleanDmiText(`  ${text} \n`)).toBe(text);
  });

  it('is shown without control characters and within its cap', () => {
    expect(cleanDmiText('ACME\u001b[31m\tCorp\n')).toBe('ACME [31m Corp');
    expect(cleanDmiText('ab'.repeat(500))).toHaveLength(256);
  });

  it('is null or a clean text for whatever firmware writes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const cleaned = cleanDmiText(text);
        expect(cleaned === null || (cleaned.trim() === cleaned && cleaned !== '' && !/\p{Cc}/u.test(cleaned))).toBe(true);
        expect(cleaned === null ? null : cleanDmiText(cleaned)).toBe(cleaned);
      }),
    );
  });
});

describe('a serial', () => {
  it.each(['0123456789', '123456789', 'aaaaaaaa', '11', '  0000  ', 'Default string', '1234567890', '........'])(
    'that many machines carry is no identity: %s',
    (text) => {
      expect(cleanSerial(text)).toBeNull();
    },
  );

  it.each(['5CG1234XYZ', 'M80-F4007500123', 'S4EVNF0M123456A', 'VM-0042', 'A123456789', '/7XK2LM3/CN1234567890AB/'])(
    'that is one machine’s own is kept: %s',
    (text) => {
      expect(cleanSerial(text)).toBe(text);
    },
  );
});

describe('an SMBIOS UUID', () => {
  it.each([
    '00000000-0000-0000-0000-000000000000',
    'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF',
    '03000200-0400-0500-0006-000700080009',
    '00020003-0004-0005-0006-000700080009',
    '12345678-1234-5678-90AB-CDDEEFAABBCC',
    '01010101-0101-0101-0101-010101010101',
    'not settable',
    '4c4c4544',
    '',
  ])('that many machines share is no identity: %s', (uuid) => {
    expect(cleanSmbiosUuid(uuid)).toBeNull();
  });

  it('of one machine is kept, in lower case', () => {
    expect(cleanSmbiosUuid('4C4C4544-0037-5810-804B-B7C04F4D3332\n')).toBe('4c4c4544-0037-5810-804b-b7c04f4d3332');
  });

  it('is kept for every random one', () => {
    fc.assert(
      fc.property(fc.uuid({ version: 4 }), (uuid) => {
        expect(cleanSmbiosUuid(uuid)).toBe(uuid);
      }),
    );
  });

  it('is nothing where there is none', () => {
    expect([cleanSmbiosUuid(null), cleanSmbiosUuid(undefined)]).toEqual([null, null]);
  });
});
