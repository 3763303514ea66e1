import { describe, expect, it } from 'vitest';
import { type Ipv4, silentLog, systemRandom } from '../../../../src/lib/index.ts';
import { type DhcpPacket, decode, macOf } from '../../../../src/net/dhcp/codec.ts';
import { messageName, rawOption } from '../../../../src/net/dhcp/options.ts';
import { STANDARD_PORTS } from '../../../../src/net/dhcp/reply.ts';
import type { DhcpNews } from '../../../../src/net/dhcp/status.ts';
import { Watch, type WatchDeps, type WireSpec } from '../../../../src/net/dhcp/watch/watch.ts';
import { WATCH_TIMES } from '../../../../src/net/dhcp/watch/watch-decide.ts';
import { type Link, neighbourIn } from '../../../../src/net/dhcp/watch/watch-host.ts';
import { searchMac, sightingOf } from '../../../../src/net/dhcp/watch/watch-packet.ts';
import { createFakeClock, type FakeClock } from '../../../support/fake-clock.ts';
import { ip, mac, message } from './packets.ts';
import { SERVER } from './site.ts';

const OTHER = ip('10.0.0.254');
const OWN = mac('52:54:00:aa:bb:cc');
const SEARCHER = mac('02:72:73:aa:bb:cc');

interface Bench {
  readonly watch: Watch;
  readonly clock: FakeClock;
  readonly news: DhcpNews[];
  readonly searches: DhcpPacket[];
  /** Set by the test: what the interface is like, and who answers a search. */
  readonly world: { link: Link; address: Ipv4 | null; answers: boolean; refuses: boolean };
}

function bench(deps: Partial<WatchDeps> = {}, wire: Partial<WireSpec> = {}): Bench {
  const clock = createFakeClock();
  const news: DhcpNews[] = [];
  const searches: DhcpPacket[] = [];
  const world: Bench['world'] = { link: 'up', address: SERVER, answers: false, refuses: false };
  const send = (bytes: Uint8Array, port: number): Promise<void> => {
    if (world.refuses) return Promise.reject(new Error('ENETUNREACH'));
    if (port !== STANDARD_PORTS.server) return Promise.resolve(); // the nudge for the MAC
    const search = decode(bytes);
    searches.push(search);
    if (world.answers) watch.heardReply(offerTo(search), OTHER, 'eth0');
    return Promise.resolve();
  };
  const watch: Watch = new Watch({
    mode: 'full',
    allowOtherServers: false,
    random: { ...systemRandom, float: () => 0.5 },
    host: {
      linkOf: () => Promise.resolve(world.link),
      identityOf: () => (world.address === null ? undefined : { address: world.address, mac: OWN }),
      neighbour: () => Promise.resolve(mac('52:54:00:00:00:fe')),
    },
    wires: [{ interfaceName: 'eth0', address: SERVER, hearsClientPort: true, send, onAddress: () => undefined, ...wire }],
    ports: STANDARD_PORTS,
    clock,
    log: silentLog,
    onNews: (one) => news.push(one),
    ...deps,
  });
  return { watch, clock, news, searches, world };
}

function offerTo(search: DhcpPacket): DhcpPacket {
  const offer = message('offer', { op: 2, xid: search.xid, yiaddr: ip('10.0.0.77'), options: [rawOption('serverId', OTHER)] });
  return { ...offer, chaddr: search.chaddr };
}

const state = ({ watch }: Bench) => watch.standingOf('eth0').state;

describe('the search', () => {
  it('is a DISCOVER from an address that is nobody’s card and always the same, asked again against loss', async () => {
    const one = bench();
    one.watch.start();
    await one.clock.advance(WATCH_TIMES.windowMs);
    expect(one.searches.map((packet) => [messageName(packet.options), macOf(packet), packet.flags, packet.giaddr])).toEqual([
      ['discover', SEARCHER, 0x8000, '0.0.0.0'],
      ['discover', SEARCHER, 0x8000, '0.0.0.0'],
    ]);
    expect(one.watch.isOwnSearch(SEARCHER)).toBe(true);
    await one.watch.stop();
  });

  it('asks for the answer on port 67, as a relay would, where port 68 cannot be heard', async () => {
    const one = bench({}, { hearsClientPort: false });
    one.watch.start();
    await one.clock.advance(1);
    expect(one.searches[0]?.giaddr).toBe(SERVER);
    await one.watch.stop();
  });

  it('lets full mode answer when nobody was heard', async () => {
    const one = bench();
    one.watch.start();
    expect(state(one)).toBe('watching');
    await one.clock.advance(WATCH_TIMES.windowMs);
    expect([state(one), one.news]).toEqual(['answering', []]);
    await one.watch.stop();
  });

  it('makes full mode stand aside beside another server, tells so once with its MAC, and takes up by itself when it is gone', async () => {
    const one = bench();
    one.world.answers = true;
    one.watch.start();
    await one.clock.advance(200_000);
    expect(state(one)).toBe('standing-aside');
    expect(one.news.map(({ event, message: text }) => [event, text])).toEqual([
      [
        'dhcp.other_server',
        expect.stringMatching(/10\.0\.0\.254 \(52:54:00:00:00:fe\), is on eth0: it answered our search; this one stands aside/),
      ],
    ]);
    expect(one.watch.status()[0]?.otherServers).toMatchObject([{ address: OTHER, mac: '52:54:00:00:00:fe', role: 'addresses' }]);
    one.world.answers = false;
    await one.clock.advance(4 * WATCH_TIMES.asideEveryMs);
    expect(state(one)).toBe('answering');
    expect(one.news.map(({ event }) => event)).toEqual(['dhcp.other_server', 'dhcp.resumed', 'dhcp.other_server_gone']);
    await one.watch.stop();
  });

  it('waits for the link: a wire without one has not been searched', async () => {
    const one = bench();
    one.world.link = 'down';
    one.watch.start();
    await one.clock.advance(60_000);
    expect([state(one), one.searches.length, one.watch.status()[0]?.problem]).toEqual(['watching', 0, 'down']);
    one.world.link = 'up';
    await one.clock.advance(20_000);
    expect(state(one)).toBe('answering');
    expect(one.news.map(({ event, severity }) => [event, severity])).toEqual([
      ['dhcp.interface', 'warning'],
      ['dhcp.interface', 'info'],
    ]);
    await one.watch.stop();
  });

  it('waits for an address, and passes it on', async () => {
    const got: Ipv4[] = [];
    const one = bench({}, { address: null, onAddress: (address) => got.push(address) });
    one.world.address = null;
    one.watch.start();
    await one.clock.advance(30_000);
    expect([one.watch.status()[0]?.problem, got]).toEqual(['no-address', []]);
    one.world.address = SERVER;
    await one.clock.advance(20_000);
    expect([state(one), got, one.watch.status()[0]?.address]).toEqual(['answering', [SERVER], SERVER]);
    await one.watch.stop();
  });

  it('that cannot be sent is no search', async () => {
    const one = bench();
    one.world.refuses = true;
    one.watch.start();
    await one.clock.advance(60_000);
    expect([state(one), one.watch.status()[0]?.problem]).toEqual(['watching', 'send-failed']);
    await one.watch.stop();
  });

  it('may be asked for at any time, and is done once for all who ask meanwhile', async () => {
    const one = bench();
    await one.clock.until(Promise.all([one.watch.searchNow(), one.watch.searchNow()]));
    expect(one.searches).toHaveLength(2);
    expect(one.watch.status()[0]?.lastSearchAt).not.toBeNull();
    await one.watch.stop();
  });

  it('in proxy mode warns that machines will get no address when nobody gives any', async () => {
    const one = bench({ mode: 'proxy' });
    one.watch.start();
    expect(state(one)).toBe('answering');
    await one.clock.advance(60_000);
    expect(one.news).toMatchObject([{ event: 'dhcp.no_server', severity: 'warning' }]);
    one.world.answers = true;
    await one.clock.advance(2 * WATCH_TIMES.everyMs);
    expect(one.news.at(-1)).toMatchObject({ event: 'dhcp.other_server', severity: 'info', hint: null });
    await one.watch.stop();
  });
});

describe('what is heard by chance', () => {
  it('is another server’s answer to a client: news, and no reason to stop answering', async () => {
    const one = bench();
    one.watch.start();
    await one.clock.advance(WATCH_TIMES.windowMs);
    one.watch.heardReply(message('ack', { op: 2, yiaddr: ip('10.0.0.9'), options: [rawOption('serverId', OTHER)] }), OTHER, 'eth0');
    await one.clock.advance(1000);
    expect(state(one)).toBe('answering');
    expect(one.news).toMatchObject([{ event: 'dhcp.other_server', severity: 'warning' }]);
    expect(one.watch.standingOf('eth0').hint).toContain('Switch one of them off');
    await one.watch.stop();
  });

  it('is a flood of made-up servers: ten are told, sixteen kept', async () => {
    const one = bench();
    one.watch.start();
    for (let number = 0; number < 200; number += 1) one.watch.heardNamed(ip(`10.0.7.${number}`), 'eth0');
    await one.clock.advance(1000);
    expect([one.news.length, one.watch.status()[0]?.otherServers.length]).toEqual([10, 16]);
    await one.watch.stop();
  });

  it.each([
    ['an OFFER with an address', message('offer', { op: 2, yiaddr: ip('10.0.0.9') }), 'addresses'],
    ['an OFFER without one, as a boot server sends', message('offer', { op: 2 }), 'boot'],
    ['a boot server’s ACK', message('ack', { op: 2, options: [rawOption('vendorClass', 'PXEClient')] }), 'boot'],
    ['an ACK to INFORM', message('ack', { op: 2 }), 'addresses'],
    ['a NAK', message('nak', { op: 2 }), 'addresses'],
  ] as const)('is told apart: %s', (_what, reply, role) => {
    expect(sightingOf(reply, OTHER, false)).toEqual({ address: OTHER, role, evidence: 'heard' });
  });

  it('is nothing when no server says it', () => {
    expect(sightingOf(message('request', { op: 2 }), OTHER, false)).toBeUndefined();
  });
});

describe('what the system knows', () => {
  it('is the MAC of a neighbour on that wire, once it has been resolved', () => {
    const table = `IP address       HW type     Flags       HW address            Mask     Device
10.0.0.254       0x1         0x2         52:54:00:00:00:fe     *        eth0
10.0.0.7         0x1         0x0         00:00:00:00:00:00     *        eth0
10.0.0.254       0x1         0x2         52:54:00:00:00:01     *        eth1
`;
    expect(neighbourIn(table, 'eth0', OTHER)).toBe('52:54:00:00:00:fe');
    expect(neighbourIn(table, 'eth1', OTHER)).toBe('52:54:00:00:00:01');
    expect(neighbourIn(table, 'eth0', ip('10.0.0.7'))).toBeNull();
  });

  it('gives each card a search address of its own', () => {
    expect(searchMac(OWN)).toBe(SEARCHER);
  });
});
