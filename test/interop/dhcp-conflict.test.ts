// Somebody sits on an address of the pool without a lease: the kernel's ARP finds it before a client is given it.

import { describe, expect, it } from 'vitest';
import { type Lab, openLab } from './dhcp/lab.ts';

const SQUATTED = '10.0.1.0';

async function addressOf(lab: Lab): Promise<string> {
  const client = lab.startInClient('busybox', 'udhcpc', '-f', '-q', '-i', 'c0', '-s', lab.script, '-t', '15', '-T', '2');
  return /10\.0\.\d+\.\d+/.exec(await client.until(/lease of .* obtained/))?.[0] ?? '';
}

/** A second machine on the wire: a macvlan beside the client's cable. */
async function squat(lab: Lab, address: string): Promise<string> {
  // Else Linux answers for it on the client's own interface too, with the client's MAC.
  await lab.inClient('sysctl', '-qw', 'net.ipv4.conf.all.arp_ignore=1');
  await lab.inClient('ip', 'link', 'add', 'squatter', 'link', 'c0', 'address', '02:00:00:00:00:66', 'type', 'macvlan', 'mode', 'bridge');
  await lab.inClient('ip', 'addr', 'add', `${address}/16`, 'dev', 'squatter');
  await lab.inClient('ip', 'link', 'set', 'squatter', 'up');
  return '02:00:00:00:00:66';
}

describe('an address that somebody uses without a lease', () => {
  it('is not offered; the next one is, and the reason names who has it', async () => {
    const lab = await openLab();
    const mac = await squat(lab, SQUATTED);
    const server = await lab.serve({ isProbing: true });
    expect(await addressOf(lab)).toBe('10.0.1.1');
    const news = await server.until(/dhcp\.address_conflict/);
    expect(news).toContain(`${SQUATTED} is in use by ${mac}`);
  });

  it('is offered when nobody is asked', async () => {
    const lab = await openLab();
    await squat(lab, SQUATTED);
    await lab.serve();
    expect(await addressOf(lab)).toBe(SQUATTED);
  });

  it('is kept out of the pool after a restart too', async () => {
    const lab = await openLab();
    await squat(lab, SQUATTED);
    const first = await lab.serve({ isProbing: true });
    expect(await addressOf(lab)).toBe('10.0.1.1');
    await first.until(/dhcp\.address_conflict/);
    first.child.kill('SIGTERM');
    await first.ended();
    await lab.serve();
    await lab.inClient('ip', 'link', 'set', 'c0', 'address', '02:00:00:00:00:77');
    expect(await addressOf(lab)).toBe('10.0.1.2');
  });
});
