import { describe, expect, it } from 'vitest';
import { decodeJournal, encodeJournal } from '../../../../src/net/dhcp/lease/lease-journal-codec.ts';
import { lease } from './site.ts';

const LEASES = [
  lease('10.0.0.100', { hostname: 'pve1', clientId: '0152' }),
  lease('10.0.0.101', { state: 'released' }),
  lease('10.0.0.100', { state: 'declined', smbiosUuid: '01020304-0506-0708-090a-0b0c0d0e0f10' }),
];

describe('the lease journal', () => {
  it('gives back what was written, in its order, and stops at the zeros ahead', () => {
    const bytes = Buffer.concat([encodeJournal(LEASES), Buffer.alloc(100)]);
    expect(decodeJournal(bytes)).toEqual({ leases: LEASES, tornAt: undefined });
    expect(decodeJournal(Buffer.alloc(0))).toEqual({ leases: [], tornAt: undefined });
  });

  it('cut off at any byte gives the whole lines before it, and says that one is torn', () => {
    const bytes = encodeJournal(LEASES);
    const ends = LEASES.map((_, index) => encodeJournal(LEASES.slice(0, index + 1)).length);
    for (let length = 0; length < bytes.length; length += 1) {
      const whole = ends.filter((end) => end <= length).length;
      const { leases, tornAt } = decodeJournal(Buffer.concat([bytes.subarray(0, length), Buffer.alloc(8)]));
      expect(leases).toEqual(LEASES.slice(0, whole));
      expect(tornAt).toBe(length === (ends[whole - 1] ?? 0) ? undefined : (ends[whole - 1] ?? 0));
    }
  });

  it('ends where a bit was turned', () => {
    const bytes = encodeJournal(LEASES);
    for (let at = 0; at < bytes.length; at += 7) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 4;
      expect(decodeJournal(damaged).leases.length).toBeLessThan(LEASES.length);
    }
  });
});
