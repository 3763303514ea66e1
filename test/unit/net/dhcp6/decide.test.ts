import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prefix6Has } from '../../../../src/lib/index.ts';
import { AddressTable, candidates, isReserved, keyOf, MAX_COUNTER } from '../../../../src/net/dhcp6/addresses.ts';
import type { Decision6 } from '../../../../src/net/dhcp6/decide.ts';
import { MESSAGE6, type MessageName6, option6, STATUS6 } from '../../../../src/net/dhcp6/options.ts';
import { containing } from '../../../support/containing.ts';
import { CLIENT_DUID, given, HOME6, IAID, ip6, message6, NOW, OTHER_DUID, SERVER_DUID, site6, subnet6 } from './messages.ts';

const SECRET = Buffer.from('secret');
const SELF = { duid: CLIENT_DUID, iaid: IAID };
const first = (): string => given(site6().decide(message6('solicit')))[0] ?? expect.fail('no address');
const server = { server: SERVER_DUID };

describe('addresses', () => {
  it('lie in the prefix, above those that people give by hand, and are the same for ever', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 3, maxLength: 130 }),
        fc.nat(0xffffffff),
        fc.integer({ min: 32, max: 96 }),
        (duid, iaid, length) => {
          const prefix = { network: Uint8Array.of(0xfd, 0, 0, 0x77, ...Array.from({ length: 12 }, () => 0)), length };
          const list = [...candidates(SECRET, prefix, { duid, iaid })];
          expect(list.length).toBeGreaterThan(MAX_COUNTER / 2);
          expect(list.every((address) => prefix6Has(prefix, address) && !/^fd00:77::[0-9a-f]{1,4}$/.test(address))).toBe(true);
          expect([...candidates(SECRET, prefix, { duid, iaid })]).toEqual(list);
        },
      ),
    );
  });

  it('are neither those at the bottom of a prefix nor the anycast ones at its top', () => {
    const taken = (address: string): boolean => isReserved(HOME6.prefix, ip6(address));
    expect(['fd00:77::', 'fd00:77::ffff', 'fd00:77::fdff:ffff:ffff:ff80', 'fd00:77::ffff:ffff:ffff:ffff'].map(taken)).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(['fd00:77::1:0', 'fd00:77::fdff:ffff:ffff:ff7f'].map(taken)).toEqual([false, false]);
    // A /96 has so few that each machine in 4096 meets one.
    const narrow = subnet6('fd00:77::/96').prefix;
    const lists = Array.from({ length: 12_000 }, (_, iaid) => [...candidates(SECRET, narrow, { duid: CLIENT_DUID, iaid })]);
    expect(lists.some((list) => list.length < MAX_COUNTER)).toBe(true);
    expect(lists.flat().some((address) => isReserved(narrow, address))).toBe(false);
  });

  it('differ between machines, their cards, sites and prefixes', () => {
    const of = (secret: string, name: string, duid: Buffer, iaid: number): string | undefined =>
      [...candidates(Buffer.from(secret), subnet6(name).prefix, { duid, iaid })][0];
    const all = [
      of('a', 'fd00:77::/64', CLIENT_DUID, 1),
      of('a', 'fd00:77::/64', CLIENT_DUID, 2),
      of('a', 'fd00:77::/64', OTHER_DUID, 1),
      of('a', 'fd00:78::/64', CLIENT_DUID, 1),
      of('b', 'fd00:77::/64', CLIENT_DUID, 1),
    ].map((address) => address?.split('::')[1] ?? address);
    expect(new Set(all).size).toBe(all.length);
  });

  it('are remembered up to a cap; the one used longest ago goes first', () => {
    const table = new AddressTable(2);
    for (const last of [1, 2, 1, 3]) table.hold(ip6(`fd00::${last}`), 'a', NOW + 1000);
    expect(table.size).toBe(2);
    expect([1, 2, 3].map((last) => table.isFree(ip6(`fd00::${last}`), 'b', NOW))).toEqual([false, true, false]);
    expect(table.isFree(ip6('fd00::1'), 'b', NOW + 1000)).toBe(true);
    table.release(ip6('fd00::1'), 'b');
    expect(table.size).toBe(2);
  });
});

describe('full mode', () => {
  it('advertises, then gives, the same address to the same client, also after a restart', () => {
    const site = site6();
    const advertised = site.decide(message6('solicit'));
    expect(advertised).toMatchObject({ kind: 'advertise', changes: [] });
    const reply = site.decide(message6('request', { ...server, claims: given(advertised) }));
    expect(given(reply)).toEqual(given(advertised));
    expect(site.table.size).toBe(1);
    const restarted = site6();
    const renewed = restarted.decide(message6('renew', { ...server, claims: given(reply) }));
    expect(given(renewed)).toEqual(given(reply));
  });

  it('gives at once to who offers rapid commit', () => {
    const decision = site6().decide(message6('solicit', { options: [option6('rapidCommit', true)] }));
    expect(decision).toMatchObject({ kind: 'reply', isRapid: true, changes: [{ change: 'hold' }] });
  });

  it('gives no address twice: whose hash meets a taken one gets the next', () => {
    const site = site6();
    const [one, two] = [...candidates(SECRET, HOME6.prefix, SELF)];
    site.table.hold(one ?? expect.fail(), 'somebody else', NOW + 1000);
    expect(given(site.decide(message6('solicit')))).toEqual([two]);
    // After a restart the table has forgotten why; who holds the second one keeps it all the same.
    expect(given(site6().decide(message6('renew', { ...server, claims: [two ?? ''] })))).toEqual([two]);
  });

  it('gives another address after DECLINE, and not the declined one for a day', () => {
    const site = site6();
    const bad = first();
    expect(site.decide(message6('decline', { ...server, claims: [bad] }))).toMatchObject({
      kind: 'reply',
      status: { code: STATUS6.success },
    });
    expect(given(site.decide(message6('solicit')))).not.toContain(bad);
    expect(given(site.decide(message6('solicit'), { now: NOW + 86_400_000 }))).toEqual([bad]);
  });

  it('takes back what is released, and only from whom it belongs to', () => {
    const site = site6();
    const address = ip6(given(site.decide(message6('request', server)))[0] ?? '');
    const thief = site.decide(message6('release', { ...server, duid: OTHER_DUID, claims: [address] }));
    expect(thief).toMatchObject({ kind: 'reply', associations: [{ status: { code: STATUS6.noBinding } }], changes: [] });
    expect(site.table.isFree(address, 'x', NOW)).toBe(false);
    expect(site.decide(message6('release', { ...server, claims: [address] }))).toMatchObject({ changes: [{ change: 'release', address }] });
    expect(site.table.isFree(address, 'x', NOW)).toBe(true);
  });

  it('cannot be made to decline what others have', () => {
    const site = site6();
    const mine = given(site.decide(message6('request', server)));
    site.decide(message6('decline', { ...server, duid: OTHER_DUID, claims: mine }));
    expect(given(site.decide(message6('renew', { ...server, claims: mine })))).toEqual(mine);
  });

  it('ends addresses of another network at RENEW and gives the right one beside', () => {
    const decision = site6().decide(message6('renew', { ...server, claims: ['fd00:99::5'] }));
    expect(given(decision)).toEqual([first()]);
    expect(decision).toMatchObject({
      associations: [{ addresses: [{}, { address: 'fd00:99::5', validSeconds: 0, preferredSeconds: 0 }] }],
    });
  });

  it('rebinds its own, ends those of other networks, and leaves another server’s alone', () => {
    expect(given(site6().decide(message6('rebind', { claims: [first()] })))).toEqual([first()]);
    expect(given(site6().decide(message6('rebind', { claims: ['fd00:99::5'] })))).toEqual([first()]);
    expect(site6().decide(message6('rebind', { claims: ['fd00:77::5'] }))).toMatchObject({ kind: 'silent' });
  });

  it('confirms by the network alone', () => {
    const confirm = (...claims: string[]) => site6().decide(message6('confirm', { claims }));
    expect(confirm(first())).toMatchObject({ kind: 'reply', status: { code: STATUS6.success } });
    expect(confirm(first(), 'fd00:99::5')).toMatchObject({ kind: 'reply', status: { code: STATUS6.notOnLink } });
    expect(confirm()).toMatchObject({ kind: 'silent' });
  });

  it('says that it has no temporary addresses and no prefixes', () => {
    const options = [
      option6('iaTa', { iaid: 7, options: [] }),
      option6('iaPd', { iaid: 8, renewSeconds: 0, rebindSeconds: 0, options: [] }),
    ];
    expect(site6().decide(message6('solicit', { claims: null, options }))).toMatchObject({
      associations: [
        { type: 'iaTa', iaid: 7, status: { code: STATUS6.noAddrsAvail } },
        { type: 'iaPd', iaid: 8, status: { code: STATUS6.noPrefixAvail } },
      ],
    });
  });

  it('looks at eight associations of a message and no more', () => {
    const options = Array.from({ length: 500 }, (_, iaid) => option6('iaNa', { iaid, renewSeconds: 0, rebindSeconds: 0, options: [] }));
    expect(given(site6().decide(message6('solicit', { claims: null, options })))).toHaveLength(8);
  });

  it('stays silent on a link that no subnet is configured for, but does not leave its own clients waiting', () => {
    expect(site6().decide(message6('solicit'), { subnet: null })).toMatchObject({
      kind: 'silent',
      reason: containing('subnet'),
    });
    expect(site6().decide(message6('request', server), { subnet: null })).toMatchObject({
      associations: [{ status: { code: STATUS6.noAddrsAvail } }],
    });
  });
});

describe('every mode', () => {
  it.each(['request', 'renew', 'release', 'decline', 'informationRequest'] as const)(
    'leaves a %s that names another server alone, and says which',
    (name) => {
      for (const mode of ['full', 'stateless'] as const) {
        const message = message6(name, { server: OTHER_DUID, claims: name === 'informationRequest' ? null : [] });
        expect(site6({ mode }).decide(message)).toMatchObject({ kind: 'silent', otherServer: OTHER_DUID });
      }
    },
  );

  it.each([
    ['solicit', { duid: null }],
    ['solicit', server],
    ['confirm', server],
    ['rebind', server],
    ['request', {}],
    ['renew', {}],
    ['informationRequest', {}],
    ['advertise', {}],
    ['reply', server],
    ['reconfigure', server],
  ] as const)('drops a %s that RFC 8415 §16 forbids (%j)', (name, sketch) => {
    expect(site6().decide(message6(name, sketch)).kind).toBe('silent');
  });

  it('tells a client that sent to one address to use multicast', () => {
    expect(site6().decide(message6('renew', server), { isUnicast: true })).toMatchObject({ status: { code: STATUS6.useMulticast } });
    expect(site6().decide(message6('solicit'), { isUnicast: true }).kind).toBe('silent');
  });

  it('answers information requests', () => {
    for (const mode of ['full', 'stateless'] as const)
      for (const duid of [CLIENT_DUID, null])
        expect(site6({ mode }).decide(message6('informationRequest', { duid, claims: null }))).toMatchObject({
          kind: 'reply',
          hasConfiguration: true,
          associations: [],
        });
  });

  it('in stateless mode says nothing about addresses, but that it has none, to firmware that looks for a server', () => {
    const options = [option6('vendorClass', { enterprise: 343, classes: [Buffer.from('PXEClient:Arch:00007')] })];
    const firmware = (name: MessageName6): Decision6 => site6({ mode: 'stateless' }).decide(message6(name, { options }));
    expect(firmware('solicit')).toMatchObject({ kind: 'advertise', turnsAway: true, associations: [], hasConfiguration: false });
    for (const name of ['confirm', 'rebind'] as const) expect(firmware(name).kind).toBe('silent');
    expect(site6({ mode: 'stateless', isUnicast: true }).decide(message6('solicit', { options })).kind).toBe('silent');
  });

  it('in stateless mode says nothing about addresses to anybody else', () => {
    const names = (Object.keys(MESSAGE6) as MessageName6[]).filter((name) => name !== 'informationRequest'); // keys of a const object
    const decisions = names.flatMap((name) =>
      [{}, server].map((sketch) => site6({ mode: 'stateless' }).decide(message6(name, sketch)).kind),
    );
    expect(new Set(decisions)).toEqual(new Set(['silent']));
  });

  it('answers or is silent with a reason, whatever comes', () => {
    const claims = fc.array(fc.constantFrom('fd00:77::5', 'fd00:99::5', first()), { maxLength: 3 });
    fc.assert(
      fc.property(fc.nat(14), fc.boolean(), fc.boolean(), claims, (type, hasServer, isUnicast, list) => {
        const message = { ...message6('solicit', { ...(hasServer ? server : {}), claims: list }), type };
        expect(site6().decide(message, { isUnicast }).reason).toMatch(/\w{3}/);
      }),
    );
  });
});

it('keys tell associations apart', () => {
  expect(keyOf(SELF)).toBe('00030001525400000001/1020304');
});
