import type { Socket } from 'node:dgram';
import { describe, expect, it } from 'vitest';
import { createLinkSockets } from '../../../src/app-sockets6.ts';
import { defineErrors, type Log, silentLog } from '../../../src/lib/index.ts';
import type { Dhcp6Socket } from '../../../src/net/dhcp6/index.ts';

const fail = defineErrors({ 'dhcp6.port_in_use': { status: 500, about: 'As in the real one.' } });
const NONE: ReadonlySet<string> = new Set();
const signal = AbortSignal.timeout(60_000);

function site(names: readonly string[], options: { interfaces?: readonly string[]; broken?: Record<string, Error> } = {}) {
  const said: string[] = [];
  const log: Log = { ...silentLog, warn: (_fields: unknown, message: string) => void said.push(message) };
  const present = [...names];
  const openLink = (interfaceName: string): Promise<Dhcp6Socket> => {
    const error = options.broken?.[interfaceName];
    const socket = {} as Socket; // nobody uses it
    return error === undefined ? Promise.resolve({ hears: 'multicast', interfaceName, address: null, socket }) : Promise.reject(error);
  };
  const sockets = createLinkSockets({ interfaces: options.interfaces ?? [], port: 547, log, withIpv6: () => present, openLink });
  return { ...sockets, said, present };
}

const named = (sockets: readonly Dhcp6Socket[]) => sockets.map(({ interfaceName }) => interfaceName);

describe('DHCPv6 that nobody asked for by name', () => {
  it('hears on every interface that has IPv6, and only on those that it does not hear yet', async () => {
    const { open, warnings } = site(['eth0', 'eth1']);
    expect(named(await open(signal, NONE))).toEqual(['eth0', 'eth1']);
    expect(named(await open(signal, new Set(['eth0', 'eth1'])))).toEqual([]);
    expect(warnings()).toEqual([]);
  });

  it('says plainly, and once, that the machine has no IPv6, and takes up when it has', async () => {
    const { open, warnings, said, present } = site([]);
    expect(await open(signal, NONE)).toEqual([]);
    await open(signal, NONE);
    expect(said).toEqual(['Without DHCPv6: no interface of this machine has IPv6']);
    expect(warnings()).toMatchObject([{ code: 'dhcp6.no_address', hint: expect.stringContaining('mode = "off" ends that') as unknown }]);
    present.push('eth0');
    expect(named(await open(signal, NONE))).toEqual(['eth0']);
    expect(warnings()).toEqual([]);
  });

  it('does without an interface that it can not hear on, and hears on the others', async () => {
    const broken = { eth1: fail('dhcp6.port_in_use', { message: 'UDP 547 on eth1 is already in use by another program.' }) };
    const { open, warnings } = site([], { interfaces: ['eth0', 'eth1', 'eth2'], broken });
    expect(named(await open(signal, NONE))).toEqual(['eth0', 'eth2']);
    const message = 'Without DHCPv6: UDP 547 on eth1 is already in use by another program.';
    expect(warnings()).toMatchObject([{ code: 'dhcp6.port_in_use', message }]);
    await open(signal, new Set(['eth0', 'eth2']));
    expect(warnings()).toHaveLength(1);
  });

  it('does not swallow a fault of its own', async () => {
    await expect(site(['eth0'], { broken: { eth0: new TypeError('a slip') } }).open(signal, NONE)).rejects.toThrow('a slip');
  });
});
