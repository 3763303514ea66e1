// The lines are what efibootmgr 17 (Debian 12) and 18 (Debian 13) print: the form with File(…) of one, with /\… of the other.

import { describe, expect, it } from 'vitest';
import { step } from '../../../../src/pipeline/steps/boot-order.ts';
import { planOrder, readBootOptions } from '../../../../src/pipeline/system/efi-boot-codec.ts';
import { containing } from '../../../support/containing.ts';
import { type FakeMachine, provesIdempotence, stepWorld } from '../../../support/pipeline.ts';

const ESP = '0b5c3a1e-7d52-4c2a-9d33-5a2f3e9d1c77';
const ENTRIES: Readonly<Record<string, string>> = {
  '0000': `Linux Boot Manager\tHD(2,GPT,${ESP},0x800,0x200000)/File(\\EFI\\systemd\\systemd-bootx64.efi)`,
  '0001': 'UEFI PXEv4 (MAC:525400123456)\tPciRoot(0x0)/Pci(0x3,0x0)/MAC(525400123456,1)/IPv4(0.0.0.00.0.0.0,0,0)..BO',
  '0002': 'Windows Boot Manager\tHD(1,GPT,11111111-2222-3333-4444-555555555555,0x800,0x32000)/\\EFI\\Microsoft\\Boot\\bootmgfw.efi',
  '0003': 'UEFI HTTPv4 (MAC:525400123456)\tPciRoot(0x0)/Pci(0x3,0x0)/MAC(525400123456,1)/IPv4(0.0.0.0,0,DHCP)/Uri()',
};

function listing({ state }: FakeMachine): string {
  const lines = Object.entries(ENTRIES).map(([number, text]) => `Boot${number}${state[number] === 'off' ? ' ' : '*'} ${text}`);
  return `BootCurrent: 0000\nTimeout: 1 seconds\nBootOrder: ${String(state.order)}\n${lines.join('\n')}\n`;
}

const world = (state: Record<string, unknown> = { order: '0000,0001,0002' }, profile = { name: 'pve', boot_order: 'network-first' }) =>
  stepWorld({
    profile,
    machine: {
      state,
      rules: [
        { when: ['test', '-d', '/sys/firmware/efi'], answer: (_, machine) => ({ code: machine.state.bios === true ? 1 : 0 }) },
        { when: ['efibootmgr', '-v'], answer: (_, machine) => listing(machine) },
        { when: ['ls', '-1', '/dev/disk/by-partuuid'], answer: `${ESP}\n77777777-2222-3333-4444-555555555555\n` },
        {
          when: ['efibootmgr', '-q', '-o'],
          answer: ([, , , order], machine) => {
            if (machine.state.stubborn !== true) machine.state.order = order;
            return '';
          },
        },
        {
          when: ['efibootmgr', '-q', '-b'],
          answer: ([, , , number], machine) => {
            delete machine.state[String(number)];
            return '';
          },
        },
      ],
    },
  });

describe('the boot order', () => {
  it('has the network first, entries that no order names too, and the rest as it was', async () => {
    const { first } = await provesIdempotence(step, {}, world);
    expect(first).toEqual({
      is: 'needed',
      plan: [
        'boot order 0000 (Linux Boot Manager), 0001 (UEFI PXEv4 (MAC:525400123456)), 0002 (Windows Boot Manager) becomes ' +
          '0001 (UEFI PXEv4 (MAC:525400123456)), 0003 (UEFI HTTPv4 (MAC:525400123456)), 0000 (Linux Boot Manager), 0002 (Windows Boot Manager)',
      ],
    });
  });

  it('has the own disk first where that is asked for, and never a system that is on none of its disks', async () => {
    const one = world({ order: '0002,0001,0000' });
    await step.apply(one.context(step, { order: 'disk-first' }));
    expect(one.machine.state.order).toBe('0000,0002,0001');
    await provesIdempotence(step, { order: 'disk-first' }, () => world({ order: '0002,0001,0000' }));
  });

  it('switches entries for the network on', async () => {
    const { first } = await provesIdempotence(step, {}, () => world({ order: '0001,0003,0000,0002', '0003': 'off' }));
    expect(first).toMatchObject({ plan: ['the boot entry 0003 (UEFI HTTPv4 (MAC:525400123456)) is switched on', containing('')] });
  });

  it('sees that the firmware kept another order', async () => {
    const one = world({ order: '0000,0001', stubborn: true });
    await step.apply(one.context(step, {}));
    expect(await step.check(one.context(step, {}))).toMatchObject({ is: 'needed' });
  });

  it('is nobody’s to set from here by BIOS, and left where the profile says so', async () => {
    const one = world({ order: '', bios: true });
    expect(await step.check(one.context(step, {}))).toMatchObject({ is: 'satisfied', words: containing('BIOS') });
    const left = world({ order: '0000' }, { name: 'pve', boot_order: 'leave' });
    expect(await step.check(left.context(step, {}))).toMatchObject({ is: 'satisfied' });
    expect(left.machine.commands).toEqual([]);
  });

  it('can not be set where the firmware has no entry for it, or there is no efibootmgr', async () => {
    const empty = readBootOptions(
      `BootOrder: 0000\nBoot0000* Linux Boot Manager\tHD(2,GPT,${ESP},0x800,0x200000)/\\EFI\\BOOT\\BOOTX64.EFI\n`,
    );
    expect(planOrder(empty, 'network-first', new Set([ESP]))).toEqual({ is: 'none-for-network' });
    expect(planOrder(empty, 'disk-first', new Set())).toEqual({ is: 'none-for-disk' });
    const one = world();
    one.machine.on(['efibootmgr', '-v'], { code: 127, err: 'not found' });
    expect(await step.check(one.context(step, {}))).toMatchObject({ is: 'impossible', reason: 'efibootmgr is not installed' });
  });
});
