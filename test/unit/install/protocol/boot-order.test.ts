import { describe, expect, it } from 'vitest';
import { orderByFirmware, orderByReport, orderByStart } from '../../../../src/install/protocol/boot-order-decide.ts';

const ENTRIES = [
  'Boot0001* UEFI: IP4 Intel Network PciRoot(0x0)/Pci(0x1f,0x6)/MAC(525400000601,0)/IPv4(0.0.0.0)',
  'Boot0003* proxmox HD(2,GPT,abc)/File(EFIproxmoxgrubx64.efi)',
];

function report(told: Partial<Parameters<typeof orderByReport>[0]>) {
  return orderByReport({
    mode: 'efi',
    wanted: 'network-first',
    did: 'set to network first',
    after: '0001,0003',
    entries: ENTRIES,
    ...told,
  });
}

describe('the boot order that a profile asks for', () => {
  it('is judged by what the new system reports', () => {
    expect([report({}), report({ did: 'network first already' })]).toEqual([null, null]);
    expect(report({ did: 'the firmware refused the new boot order' })).toBe(
      'its boot order is not network first: the firmware refused the new boot order; set it in the firmware by hand',
    );
    expect(report({ wanted: 'disk-first', did: 'left as it is', after: '0003,0001' })).toBeNull();
    expect(report({ wanted: 'disk-first', did: 'left as it is' })).toBe(
      'its boot order is not disk first: "UEFI: IP4 Intel Network" comes first; set it in the firmware by hand',
    );
  });

  it.each([
    { mode: 'bios' },
    { did: null },
    { wanted: 'leave' },
    { wanted: 'disk-first', after: null },
    { wanted: 'disk-first', after: '0009' },
  ])('is not judged by a report that does not tell: %o', (told) => expect(report(told)).toBeUndefined());

  it('is judged by what the agent reads in the firmware', () => {
    const judged = (['network-first', 'disk-first', 'leave'] as const).map((wanted) =>
      (['network', 'disk', null] as const).map((first) => orderByFirmware(wanted, first)),
    );
    expect(judged).toEqual([
      [null, expect.stringContaining('not network first any more'), undefined],
      [expect.stringContaining('not disk first any more'), null, undefined],
      [undefined, undefined, undefined],
    ]);
  });

  it('is never right by how a machine starts, since anybody can say that it does', () => {
    expect(orderByStart('disk-first')).toContain('started by the network');
    expect([orderByStart('network-first'), orderByStart('leave')]).toEqual([undefined, undefined]);
  });
});
