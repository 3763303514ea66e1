import { describe, expect, it } from 'vitest';
import { rawOption } from '../../../../src/net/dhcp/options.ts';
import { CLIENT, ip, mac, message } from './packets.ts';
import { HOME, lease, NOW, site, subnet } from './site.ts';

const OTHER = mac('52:54:00:00:00:02');
const wanting = (address: string) => rawOption('requestedAddress', ip(address));
const server = (address: string) => rawOption('serverId', ip(address));

describe('DISCOVER in full mode', () => {
  it('is offered a free address of the pool', () => {
    expect(site().decide(message('discover'))).toMatchObject({
      kind: 'offer',
      lease: { address: '10.0.0.100', state: 'offered', mac: CLIENT },
    });
  });

  it('is offered the same address again, not a second one', () => {
    const home = site();
    const first = home.decide(message('discover'));
    expect(home.decide(message('discover'))).toMatchObject({
      kind: 'offer',
      lease: { address: first.kind === 'offer' ? first.lease.address : '' },
    });
    expect(home.table.size).toBe(1);
  });

  it('keeps the address of a machine whose firmware, loader and system name different client ids', () => {
    const home = site();
    home.decide(message('discover', { options: [rawOption('clientId', Buffer.from('firmware'))] }));
    const second = home.decide(message('discover', { options: [rawOption('clientId', Buffer.from('system'))] }));
    expect(second).toMatchObject({ lease: { address: '10.0.0.100' } });
  });

  it('is offered what it had before, also when that has ended', () => {
    const home = site({ leases: [lease('10.0.0.105', { state: 'released', expiresAt: NOW - 1 })] });
    expect(home.decide(message('discover'))).toMatchObject({ lease: { address: '10.0.0.105' }, reason: '10.0.0.105: had it before' });
  });

  it('is offered what it asks for when that is free, and something else when it is not', () => {
    expect(site().decide(message('discover', { options: [wanting('10.0.0.107')] }))).toMatchObject({ lease: { address: '10.0.0.107' } });
    const taken = site({ leases: [lease('10.0.0.107', { mac: OTHER })] });
    expect(taken.decide(message('discover', { options: [wanting('10.0.0.107')] }))).toMatchObject({ lease: { address: '10.0.0.100' } });
    expect(site().decide(message('discover', { options: [wanting('10.0.0.5')] }))).toMatchObject({ lease: { address: '10.0.0.100' } });
  });

  it.each([
    ['MAC', { mac: CLIENT }, []],
    [
      'UUID',
      { smbiosUuid: '01020304-0506-0708-090A-0B0C0D0E0F10' },
      [rawOption('clientUuid', { type: 0, uuid: '01020304-0506-0708-090a-0b0c0d0e0f10' })],
    ],
    ['client id', { clientId: '0152540012AB' }, [rawOption('clientId', Buffer.from('0152540012ab', 'hex'))]],
  ])('is offered the address reserved for its %s', (_by, who, options) => {
    const home = site({ subnets: [{ ...HOME, reservations: [{ address: ip('10.0.0.7'), ...who }] }] });
    expect(home.decide(message('discover', { options }))).toMatchObject({
      lease: { address: '10.0.0.7' },
      reason: '10.0.0.7: reserved for this machine',
    });
  });

  it('is never offered an address reserved for somebody else', () => {
    const home = site({ subnets: [{ ...HOME, reservations: [{ address: ip('10.0.0.100'), mac: OTHER }] }] });
    expect(home.decide(message('discover', { options: [wanting('10.0.0.100')] }))).toMatchObject({ lease: { address: '10.0.0.101' } });
  });

  it('prefers an address never used, then the one free for longest', () => {
    const ended = Array.from({ length: 10 }, (_, index) =>
      lease(`10.0.0.${100 + index}`, {
        mac: mac(`02:00:00:00:00:0${index}`),
        state: 'released',
        expiresAt: NOW - 1000 - (index === 4 ? 5000 : 0),
      }),
    );
    expect(site({ leases: ended.slice(0, 8) }).decide(message('discover'))).toMatchObject({ lease: { address: '10.0.0.108' } });
    expect(site({ leases: ended }).decide(message('discover'))).toMatchObject({ lease: { address: '10.0.0.104' } });
  });

  it('is met with silence and a reason when the pool is full, and served when a lease has ended', () => {
    const full = Array.from({ length: 10 }, (_, index) => lease(`10.0.0.${100 + index}`, { mac: mac(`02:00:00:00:00:0${index}`) }));
    const home = site({ leases: full });
    expect(home.decide(message('discover'))).toEqual({
      kind: 'silent',
      reason: 'no free address in 10.0.0.0/24 for a machine that is not known: the last tenth is kept back',
    });
    expect(home.decide(message('discover'), NOW + 3_600_001)).toMatchObject({ kind: 'offer' });
  });

  it('is met with silence when too many offers are open, until they have ended', () => {
    const home = site({ maxOffers: 3 });
    for (const digit of [2, 3, 4]) home.decide(message('discover', { mac: mac(`02:00:00:00:00:0${digit}`) }));
    expect(home.decide(message('discover'))).toMatchObject({ kind: 'silent', reason: 'too many offers or leases at once: limit reached' });
    expect(home.decide(message('discover'), NOW + 30_001)).toMatchObject({ kind: 'offer' });
  });

  it('makes room by forgetting ended leases, never live ones', () => {
    const ended = lease('10.0.0.101', { mac: OTHER, state: 'released', expiresAt: NOW - 1 });
    const live = lease('10.0.0.102', { mac: mac('02:00:00:00:00:09') });
    expect(site({ leases: [ended, live], maxLeases: 2 }).decide(message('discover'))).toMatchObject({ kind: 'offer' });
    expect(
      site({ leases: [{ ...ended, state: 'bound', expiresAt: NOW + 1 }, live], maxLeases: 2 }).decide(message('discover')),
    ).toMatchObject({ kind: 'silent' });
  });

  it('gets an address of the relay’s subnet, found by giaddr or by the link selection in option 82', () => {
    const far = subnet('192.168.7.0/24', '192.168.7.10', '192.168.7.20');
    const home = site({ subnets: [HOME, far] });
    expect(home.decide(message('discover', { giaddr: ip('192.168.7.1') }))).toMatchObject({ lease: { address: '192.168.7.10' } });
    const selected = rawOption('relayAgent', new Map([[5, Uint8Array.of(192, 168, 7, 0)]]));
    expect(home.decide(message('discover', { mac: OTHER, giaddr: ip('10.9.9.9'), options: [selected] }))).toMatchObject({
      lease: { address: '192.168.7.11' },
    });
  });

  it('is met with silence where no subnet is configured', () => {
    expect(site().decide(message('discover', { giaddr: ip('172.16.0.1') }))).toEqual({
      kind: 'silent',
      reason: 'no subnet is configured for 172.16.0.1',
    });
  });

  it('spills over to the other subnets of a shared network', () => {
    const small = subnet('10.0.0.0/24', '10.0.0.100', '10.0.0.100', { sharedNetwork: 'lab' });
    const more = subnet('10.1.0.0/24', '10.1.0.100', '10.1.0.100', { sharedNetwork: 'lab' });
    const home = site({ subnets: [small, more, subnet('10.2.0.0/24', '10.2.0.100', '10.2.0.109')] });
    home.decide(message('discover', { mac: OTHER }));
    expect(home.decide(message('discover'))).toMatchObject({ lease: { address: '10.1.0.100' } });
    expect(home.decide(message('discover', { mac: mac('02:00:00:00:00:03') }))).toMatchObject({ kind: 'silent' });
  });
});

describe('REQUEST in full mode', () => {
  it('selecting our offer is acknowledged and bound for the lease time', () => {
    const home = site();
    home.decide(message('discover'));
    const ack = home.decide(message('request', { options: [server('10.0.0.1'), wanting('10.0.0.100')] }));
    expect(ack).toMatchObject({ kind: 'ack', lease: { address: '10.0.0.100', state: 'bound', expiresAt: NOW + 3_600_000 } });
  });

  it('selecting another server is never answered, and names that server', () => {
    const home = site();
    home.decide(message('discover'));
    const decision = home.decide(message('request', { options: [server('10.0.0.254'), wanting('10.0.0.100')] }));
    expect(decision).toEqual({ kind: 'silent', reason: 'the client chose another server, 10.0.0.254', otherServer: '10.0.0.254' });
  });

  it('selecting our offer after our restart is still acknowledged when the address is free', () => {
    expect(site().decide(message('request', { options: [server('10.0.0.1'), wanting('10.0.0.103')] }))).toMatchObject({ kind: 'ack' });
  });

  it('selecting an address that somebody else got meanwhile is refused with NAK', () => {
    const home = site({ leases: [lease('10.0.0.103', { mac: OTHER })] });
    expect(home.decide(message('request', { options: [server('10.0.0.1'), wanting('10.0.0.103')] }))).toMatchObject({ kind: 'nak' });
  });

  it('selecting an address outside our pools is refused with NAK', () => {
    expect(site().decide(message('request', { options: [server('10.0.0.1'), wanting('10.0.0.9')] }))).toMatchObject({ kind: 'nak' });
  });

  it('after a reboot is acknowledged for the remembered address', () => {
    const home = site({ leases: [lease('10.0.0.103')] });
    expect(home.decide(message('request', { options: [wanting('10.0.0.103')] }))).toMatchObject({
      kind: 'ack',
      reason: '10.0.0.103: remembered its address',
    });
  });

  it('after a reboot on the wrong network is refused with NAK', () => {
    const home = site({ leases: [lease('10.0.0.103')] });
    expect(home.decide(message('request', { options: [wanting('192.168.1.50')] }))).toMatchObject({ kind: 'nak' });
  });

  it('after a reboot for an address that is not its own is refused with NAK', () => {
    const home = site({ leases: [lease('10.0.0.103')] });
    expect(home.decide(message('request', { options: [wanting('10.0.0.104')] }))).toMatchObject({ kind: 'nak' });
  });

  it('after a reboot from a client without a record is met with silence (RFC 2131 §4.3.2)', () => {
    expect(site().decide(message('request', { options: [wanting('10.0.0.103')] }))).toMatchObject({ kind: 'silent' });
  });

  it('that renews is extended', () => {
    const home = site({ leases: [lease('10.0.0.103', { expiresAt: NOW + 5000 })] });
    expect(home.decide(message('request', { ciaddr: ip('10.0.0.103') }))).toMatchObject({
      kind: 'ack',
      lease: { expiresAt: NOW + 3_600_000 },
      reason: '10.0.0.103: extended',
    });
  });

  it('that renews across a relay, heard directly, is extended in its own subnet', () => {
    const far = subnet('192.168.7.0/24', '192.168.7.10', '192.168.7.20');
    expect(site({ subnets: [HOME, far] }).decide(message('request', { ciaddr: ip('192.168.7.12') }))).toMatchObject({
      kind: 'ack',
      subnet: { cidr: '192.168.7.0/24' },
    });
  });

  it('that rebinds through the relay of another network is told that it has moved; through its own it is extended', () => {
    const far = subnet('192.168.7.0/24', '192.168.7.10', '192.168.7.20');
    const home = site({ subnets: [HOME, far], leases: [lease('10.0.0.105')] });
    const rebinding = (giaddr: string) => message('request', { ciaddr: ip('10.0.0.105'), giaddr: ip(giaddr) });
    expect(home.decide(rebinding('192.168.7.1'))).toEqual({
      kind: 'nak',
      reason: '10.0.0.105 does not belong to the network the machine is in now, 192.168.7.0/24',
    });
    expect(home.decide(rebinding('10.0.0.2'))).toMatchObject({ kind: 'ack', lease: { address: '10.0.0.105' } });
  });

  it('that renews what somebody else has now is refused with NAK', () => {
    const home = site({ leases: [lease('10.0.0.103', { mac: OTHER })] });
    expect(home.decide(message('request', { ciaddr: ip('10.0.0.103') }))).toMatchObject({ kind: 'nak' });
  });

  it('that renews without a record is taken back when the address is ours and free', () => {
    expect(site().decide(message('request', { ciaddr: ip('10.0.0.103') }))).toMatchObject({ kind: 'ack' });
  });

  it.each(['10.0.0.9', '172.16.3.4'])('that renews %s, which is not ours, is met with silence', (address) => {
    expect(site().decide(message('request', { ciaddr: ip(address) }))).toMatchObject({ kind: 'silent' });
  });

  it('may ask for a shorter lease, but not for less than a minute', () => {
    const home = site();
    const ask = (seconds: number) =>
      home.decide(message('request', { options: [server('10.0.0.1'), wanting('10.0.0.100'), rawOption('leaseSeconds', seconds)] }));
    expect(ask(600)).toMatchObject({ lease: { expiresAt: NOW + 600_000 } });
    expect(ask(1)).toMatchObject({ lease: { expiresAt: NOW + 60_000 } });
    expect(ask(1_000_000)).toMatchObject({ lease: { expiresAt: NOW + 3_600_000 } });
  });

  it('keeps a host name that is one, and drops one that is not', () => {
    const ask = (name: string) =>
      site().decide(message('request', { options: [server('10.0.0.1'), wanting('10.0.0.100'), rawOption('hostName', name)] }));
    expect(ask('PVE1')).toMatchObject({ lease: { hostname: 'pve1' } });
    expect(ask('a b;$(x)')).toMatchObject({ lease: { hostname: null } });
  });
});

describe('RELEASE, DECLINE, INFORM and the rest', () => {
  it('RELEASE by the holder ends the lease and keeps the record', () => {
    const home = site({ leases: [lease('10.0.0.103')] });
    expect(home.decide(message('release', { ciaddr: ip('10.0.0.103') }))).toMatchObject({
      kind: 'end',
      lease: { state: 'released', expiresAt: NOW },
    });
    expect(home.decide(message('discover', { mac: OTHER }))).toMatchObject({ lease: { address: '10.0.0.100' } });
    expect(home.decide(message('discover'))).toMatchObject({ lease: { address: '10.0.0.103' } });
  });

  it('RELEASE by somebody else changes nothing', () => {
    const home = site({ leases: [lease('10.0.0.103', { mac: OTHER })] });
    expect(home.decide(message('release', { ciaddr: ip('10.0.0.103') }))).toMatchObject({ kind: 'silent' });
    expect(home.table.at(ip('10.0.0.103'))).toMatchObject({ state: 'bound' });
  });

  it('DECLINE by the holder takes the address out of the pool for a while', () => {
    const home = site();
    home.decide(message('discover'));
    expect(home.decide(message('decline', { options: [server('10.0.0.1'), wanting('10.0.0.100')] }))).toMatchObject({
      kind: 'end',
      lease: { state: 'declined' },
    });
    expect(home.decide(message('discover'))).toMatchObject({ lease: { address: '10.0.0.101' } });
    expect(home.decide(message('discover', { mac: OTHER, options: [wanting('10.0.0.100')] }), NOW + 600_001)).toMatchObject({
      lease: { address: '10.0.0.100' },
    });
  });

  it('DECLINE by somebody else, or for another server, changes nothing', () => {
    const home = site({ leases: [lease('10.0.0.103', { mac: OTHER })] });
    expect(home.decide(message('decline', { options: [wanting('10.0.0.103')] }))).toMatchObject({ kind: 'silent' });
    expect(home.decide(message('decline', { mac: OTHER, options: [wanting('10.0.0.103'), server('10.0.0.2')] }))).toMatchObject({
      kind: 'silent',
      otherServer: '10.0.0.2',
    });
  });

  it('INFORM from one of our subnets is told its options, from elsewhere nothing', () => {
    expect(site().decide(message('inform', { ciaddr: ip('10.0.0.50') }))).toMatchObject({ kind: 'inform', subnet: { cidr: HOME.cidr } });
    expect(site().decide(message('inform', { ciaddr: ip('172.16.0.50') }))).toMatchObject({ kind: 'silent' });
    expect(site().decide(message('inform'))).toMatchObject({ kind: 'silent' });
  });

  it('BOOTP without a message type, and messages of servers, are ignored', () => {
    expect(site().decide(message(undefined))).toMatchObject({ kind: 'silent', reason: 'no DHCP message type: BOOTP or unknown' });
    expect(site().decide(message('offer'))).toMatchObject({ kind: 'silent' });
  });
});
