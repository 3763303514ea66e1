import { describe, expect, it } from 'vitest';
import { type Ipv4, silentLog } from '../../../../src/lib/index.ts';
import type { Finding } from '../../../../src/net/dhcp/lease/conflict-decide.ts';
import type { LeaseBook } from '../../../../src/net/dhcp/lease/lease-book.ts';
import type { DhcpLease } from '../../../../src/net/dhcp/lease/lease-table.ts';
import { type Conflict, Lender } from '../../../../src/net/dhcp/lender.ts';
import { DHCP_LIMITS } from '../../../../src/net/dhcp/limits.ts';
import { rawOption } from '../../../../src/net/dhcp/options.ts';
import { indexSubnet } from '../../../../src/net/dhcp/subnet.ts';
import { containing } from '../../../support/containing.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';
import { CLIENT, ip, mac, message } from './packets.ts';
import { HOME, lease, NOW, SERVER } from './site.ts';

const SQUATTER = mac('02:00:00:00:00:66');
const ARRIVAL = { interfaceName: 'eth0', serverAddress: SERVER };

function bench(findings: Readonly<Record<string, Finding>>, leases: DhcpLease[] = [], book: Partial<LeaseBook> = {}) {
  const clock = createFakeClock(NOW);
  const asked: Ipv4[] = [];
  const saved: DhcpLease[] = [];
  const conflicts: Conflict[] = [];
  const lender = new Lender({
    limits: DHCP_LIMITS,
    subnets: [indexSubnet(HOME)],
    book: { load: () => Promise.resolve(leases), save: (batch) => Promise.resolve(void saved.push(...batch)), ...book },
    probe: {
      check: (address) => {
        asked.push(address);
        return Promise.resolve(findings[address] ?? { kind: 'free' });
      },
    },
    isKnown: () => false,
    onConflict: (conflict) => conflicts.push(conflict),
    clock,
    log: silentLog,
  });
  const discover = async (from = CLIENT) => {
    const { decision } = await lender.lend(message('discover', { mac: from }), from, ARRIVAL, new Set([SERVER]));
    return decision.kind === 'offer' ? decision.lease.address : decision;
  };
  return { lender, clock, asked, saved, conflicts, discover };
}

describe('an address that is in use without a lease', () => {
  const inUse: Finding = { kind: 'in-use', mac: SQUATTER };

  it('is kept out of the pool, stored and told, and the next one is offered', async () => {
    const { discover, saved, conflicts, lender } = bench({ '10.0.0.100': inUse });
    expect(await discover()).toBe('10.0.0.101');
    expect(saved).toMatchObject([{ address: '10.0.0.100', state: 'declined', mac: SQUATTER, expiresAt: NOW + 600_000 }]);
    expect(conflicts).toEqual([
      { address: '10.0.0.100', mac: SQUATTER, message: `10.0.0.100 is in use by ${SQUATTER}, without a lease of ours` },
    ]);
    expect(lender.counts.conflicts).toBe(1);
  });

  it('is asked for again when its time is over', async () => {
    const { discover, asked, clock } = bench({ '10.0.0.100': inUse });
    await discover();
    await clock.advance(600_001);
    for (let digit = 1; digit <= 9; digit += 1) await discover(mac(`02:00:00:00:00:0${digit}`));
    expect(asked.filter((address) => address === '10.0.0.100').length).toBeGreaterThan(1);
  });

  it('is the client’s own: it gets it', async () => {
    const { discover, saved } = bench({ '10.0.0.100': { kind: 'in-use', mac: CLIENT } });
    expect(await discover()).toBe('10.0.0.100');
    expect(saved).toEqual([]);
  });

  it('costs a client an answer only when several in a row are taken, and says which', async () => {
    const all = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`10.0.0.${100 + index}`, inUse]));
    const { discover, asked } = bench(all);
    expect(await discover()).toMatchObject({ kind: 'silent', reason: containing('10.0.0.103 is in use by') });
    expect(asked).toHaveLength(4);
  });

  it('is passed over although the store cannot be written', async () => {
    const { discover } = bench({ '10.0.0.100': inUse }, [], { save: () => Promise.reject(new Error('disk full')) });
    expect(await discover()).toBe('10.0.0.101');
    expect(await discover(SQUATTER)).toBe('10.0.0.102');
  });
});

describe('an address whose former user may still be there', () => {
  it('is passed over for ten seconds, in memory only', async () => {
    const { discover, saved, asked, clock } = bench({ '10.0.0.100': { kind: 'doubtful', mac: SQUATTER } });
    expect(await discover()).toBe('10.0.0.101');
    expect(saved).toEqual([]);
    await clock.advance(10_001);
    for (let digit = 2; digit <= 9; digit += 1) await discover(mac(`02:00:00:00:00:0${digit}`));
    expect(asked.filter((address) => address === '10.0.0.100').length).toBeGreaterThan(1);
  });
});

describe('the network is not asked', () => {
  it('for what the machine has or had a lease of', async () => {
    const { lender, asked, discover } = bench({}, [lease('10.0.0.105'), lease('10.0.0.106', { mac: SQUATTER, state: 'released' })]);
    await lender.load();
    expect(await discover()).toBe('10.0.0.105');
    expect(await discover(SQUATTER)).toBe('10.0.0.106');
    await lender.lend(message('request', { ciaddr: ip('10.0.0.105') }), CLIENT, ARRIVAL, new Set([SERVER]));
    expect(asked).toEqual([]);
  });

  it('beyond what can be asked for at once: it is offered, and counted', async () => {
    const { discover, lender } = bench({ '10.0.0.100': { kind: 'unchecked', why: 'too many' } });
    expect(await discover()).toBe('10.0.0.100');
    expect(lender.counts.unprobed).toBe(1);
  });
});

describe('an offer that nobody took up', () => {
  it('is free again when its time is over, in a pool where all was on offer', async () => {
    const { discover, clock } = bench({});
    const asks = (digit: number) => discover(mac(`02:00:00:00:02:0${digit}`));
    const offered = new Set<unknown>();
    for (let digit = 1; digit <= 9; digit += 1) offered.add(await asks(digit));
    expect(offered.size).toBe(9);
    expect(await discover()).toMatchObject({ kind: 'silent' });
    await clock.advance(DHCP_LIMITS.offerMs + 1);
    expect(offered).toContain(await discover());
  });
});

describe('strangers', () => {
  const server = new Set([SERVER]);
  const stranger = (digit: number) => mac(`02:00:00:00:01:0${digit}`);

  it('leave the last tenth of the pool to machines that are known', async () => {
    const { lender, discover } = bench({}, [lease('10.0.0.9', { state: 'released', expiresAt: NOW - 1 })]);
    await lender.load();
    for (let digit = 0; digit < 9; digit += 1) expect(await discover(stranger(digit))).toBe(`10.0.0.10${digit}`);
    expect(await discover(stranger(9))).toMatchObject({ kind: 'silent' });
    expect(await discover(CLIENT)).toBe('10.0.0.109');
  });

  it('cannot take it by naming it either', async () => {
    const { lender } = bench({});
    for (const packet of [
      message('request', { ciaddr: ip('10.0.0.109') }),
      message('request', { options: [rawOption('serverId', SERVER), rawOption('requestedAddress', ip('10.0.0.109'))] }),
    ])
      expect((await lender.lend(packet, CLIENT, ARRIVAL, server)).decision).toMatchObject({ kind: 'nak' });
    const discover = message('discover', { options: [rawOption('requestedAddress', ip('10.0.0.109'))] });
    expect((await lender.lend(discover, CLIENT, ARRIVAL, server)).decision).toMatchObject({ lease: { address: '10.0.0.100' } });
  });

  it('get short leases while the pool is nearly full, known machines do not', async () => {
    const taken = Array.from({ length: 8 }, (_, digit) => lease(`10.0.0.10${digit}`, { mac: stranger(digit) }));
    const { lender } = bench({}, taken);
    await lender.load();
    const select = message('request', { options: [rawOption('serverId', SERVER), rawOption('requestedAddress', ip('10.0.0.108'))] });
    expect((await lender.lend(select, CLIENT, ARRIVAL, server)).decision).toMatchObject({ kind: 'ack', leaseSeconds: 300 });
    const renew = message('request', { mac: stranger(3), ciaddr: ip('10.0.0.103') });
    expect((await lender.lend(renew, stranger(3), ARRIVAL, server)).decision).toMatchObject({ kind: 'ack', leaseSeconds: 3600 });
  });

  it('never get an address of the appliance itself', async () => {
    const { lender } = bench({});
    const own = new Set([SERVER, ip('10.0.0.100')]);
    const wanting = message('discover', { options: [rawOption('requestedAddress', ip('10.0.0.100'))] });
    expect((await lender.lend(wanting, CLIENT, ARRIVAL, own)).decision).toMatchObject({ lease: { address: '10.0.0.101' } });
  });
});
