import { describe, expect, it } from 'vitest';
import { conflictFor, judgeTraces, macInArpTable } from '../../../../src/net/dhcp/lease/conflict-decide.ts';
import { CLIENT, ip, mac } from './packets.ts';

const OTHER = mac('ee:d8:9c:a6:6e:40');
/** As Linux 6.1 prints it. */
const TABLE = `IP address       HW type     Flags       HW address            Mask     Device
10.0.0.50        0x1         0x2         ee:d8:9c:a6:6e:40     *        s0
10.0.0.51        0x1         0x0         00:00:00:00:00:00     *        s0
10.0.0.5         0x1         0x6         52:54:00:00:00:01     *        s0
`;

describe('the kernel’s neighbour table', () => {
  it('names who has an address, and nobody where the question went unanswered', () => {
    expect(macInArpTable(TABLE, ip('10.0.0.50'))).toBe(OTHER);
    expect(macInArpTable(TABLE, ip('10.0.0.51'))).toBeUndefined();
    expect(macInArpTable(TABLE, ip('10.0.0.5'))).toBe(CLIENT);
    expect(macInArpTable(TABLE, ip('10.0.0.52'))).toBeUndefined();
    expect(macInArpTable('', ip('10.0.0.50'))).toBeUndefined();
  });
});

describe('an address', () => {
  it.each([
    ['nobody answered', { before: undefined, after: undefined, isRefused: false }, { kind: 'free' }],
    ['a machine answered by ARP', { before: undefined, after: OTHER, isRefused: false }, { kind: 'in-use', mac: OTHER }],
    ['a machine behind a relay refused the port', { before: undefined, after: undefined, isRefused: true }, { kind: 'in-use', mac: null }],
    ['one known from before refused the port', { before: OTHER, after: OTHER, isRefused: true }, { kind: 'in-use', mac: OTHER }],
    ['one known from before was silent', { before: OTHER, after: OTHER, isRefused: false }, { kind: 'doubtful', mac: OTHER }],
    ['another one than before answered', { before: CLIENT, after: OTHER, isRefused: false }, { kind: 'in-use', mac: OTHER }],
    ['the one known from before is gone', { before: OTHER, after: undefined, isRefused: false }, { kind: 'free' }],
  ] as const)('of which %s', (_what, traces, finding) => {
    expect(judgeTraces(traces)).toEqual(finding);
  });

  it('is no conflict when the client itself has it, or nobody could be asked', () => {
    expect(conflictFor(CLIENT, { kind: 'in-use', mac: CLIENT })).toBeUndefined();
    expect(conflictFor(CLIENT, { kind: 'doubtful', mac: CLIENT })).toBeUndefined();
    expect(conflictFor(CLIENT, { kind: 'unchecked', why: 'too many' })).toBeUndefined();
    expect(conflictFor(CLIENT, { kind: 'in-use', mac: OTHER })).toBe(`is in use by ${OTHER}`);
    expect(conflictFor(CLIENT, { kind: 'in-use', mac: null })).toBe('is in use by a machine that answers there');
    expect(conflictFor(CLIENT, { kind: 'doubtful', mac: OTHER })).toContain('may still be there');
  });
});
