import type { Socket } from 'node:dgram';
import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { type Clock, silentLog } from '../../../../src/lib/index.ts';
import { decode6, encode6, isRelay6, type Message6, type Packet6 } from '../../../../src/net/dhcp6/codec.ts';
import { getOption6, MESSAGE6, OPTIONS6, option6, RELAY_FORWARD, RELAY_REPLY } from '../../../../src/net/dhcp6/options.ts';
import { createDhcp6Server, type Dhcp6Note, type Dhcp6ServerOptions, type OtherServer6 } from '../../../../src/net/dhcp6/server.ts';
import type { Dhcp6Socket } from '../../../../src/net/dhcp6/sockets.ts';
import { matching } from '../../../support/containing.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';
import { CAPTURED_FROM, CAPTURED_MAC, CAPTURED_UUID, IPXE_SOLICIT, OVMF_SOLICIT } from './captured.ts';
import { addressesIn, HOME6, ip6, message6, NOW, OTHER_DUID, SERVER_DUID, subnet6 } from './messages.ts';

const OURS = ip6('fd00:77::1');

class FakeSocket extends EventEmitter {
  readonly sent: { packet: Packet6; port: number; address: string }[] = [];
  closed = false;
  send(bytes: Buffer, port: number, address: string, done: (error: Error | null) => void): void {
    this.sent.push({ packet: decode6(bytes), port, address });
    done(null);
  }
  close(): void {
    this.closed = true;
  }
}

const clock: Clock = {
  now: () => NOW,
  monotonic: () => 0,
  sleep: (_ms, signal) => new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('off')))),
};

async function bench(options: Partial<Dhcp6ServerOptions> & { at?: Partial<Dhcp6Socket> } = {}) {
  const socket = new FakeSocket();
  const notes: Dhcp6Note[] = [];
  const others: OtherServer6[] = [];
  const asked: unknown[] = [];
  const at: Dhcp6Socket = {
    hears: 'multicast',
    interfaceName: 'eth0',
    address: null,
    ...options.at,
    socket: socket as unknown as Socket, // the methods it uses
  };
  const server = createDhcp6Server({
    mode: 'full',
    open: () => Promise.resolve([at]),
    addressesOf: () => [OURS, ip6('fe80::1')],
    sourceFor: () => Promise.resolve(OURS),
    subnets: [HOME6],
    serverDuid: SERVER_DUID,
    secret: Buffer.from('secret'),
    decideBoot: (client) => {
      asked.push(client);
      return Promise.resolve({ url: 'tftp://[fd00:77::1]/loader.efi', reason: 'enrolment is open' });
    },
    turnAway: () => Promise.resolve({ silent: 'enrolment is open' }),
    clock,
    log: silentLog,
    note: (note) => notes.push(note),
    onOtherServer: (seen) => others.push(seen),
    ...options,
  });
  await server.start(AbortSignal.timeout(1000));
  const hear = async (packet: Packet6 | Buffer, address = `${CAPTURED_FROM}%eth0`, port = 546): Promise<void> => {
    socket.emit('message', Buffer.isBuffer(packet) ? packet : encode6(packet), { address, port, family: 'IPv6', size: 0 });
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  };
  const answer = (): Message6 => unwrapAnswer(socket.sent.at(-1)?.packet);
  return { socket, notes, others, asked, server, hear, answer };
}

function nothingFor(reason: string): Pick<Dhcp6ServerOptions, 'mode' | 'turnAway'> {
  return { mode: 'stateless', turnAway: () => Promise.resolve({ nothing: reason }) };
}

function unwrapAnswer(packet: Packet6 | undefined): Message6 {
  if (packet === undefined) throw new Error('nothing was sent');
  return isRelay6(packet) ? unwrapAnswer(decode6(getOption6(packet.options, 'relayMessage') ?? new Uint8Array(0))) : packet;
}

describe('the DHCPv6 server', () => {
  it('advertises an address and the boot file to firmware, where it came from, and notes why', async () => {
    const { socket, notes, asked, hear, answer } = await bench();
    await hear(OVMF_SOLICIT);
    expect(socket.sent.map(({ address, port }) => [address, port])).toEqual([[`${CAPTURED_FROM}%eth0`, 546]]);
    expect(answer()).toMatchObject({ type: 2, transactionId: 0x0497f3 });
    expect(addressesIn(answer())[0]).toMatch(/^fd00:77::/);
    expect(getOption6(answer().options, 'bootFileUrl')).toBe('tftp://[fd00:77::1]/loader.efi');
    expect(getOption6(answer().options, 'preference')).toBe(255);
    expect(asked).toEqual([
      {
        mac: CAPTURED_MAC,
        smbiosUuid: CAPTURED_UUID,
        architecture: 16,
        kind: 'http',
        serverAddress: OURS,
        interfaceName: 'eth0',
      },
    ]);
    expect(notes).toMatchObject([{ mac: CAPTURED_MAC, decision: 'advertise', reason: matching(/solicit: has fd00:77::.*boots tftp/) }]);
  });

  it('echoes the class to UEFI HTTP boot, and to nobody else', async () => {
    const { hear, answer } = await bench();
    await hear(OVMF_SOLICIT);
    const echoed = getOption6(answer().options, 'vendorClass');
    expect([echoed?.enterprise, echoed?.classes.map((one) => Buffer.from(one).toString())]).toEqual([343, ['HTTPClient']]);
    await hear(IPXE_SOLICIT);
    expect(getOption6(answer().options, 'bootFileUrl')).toBeDefined();
    expect(getOption6(answer().options, 'vendorClass')).toBeUndefined();
  });

  it('gives name servers to who asks for them', async () => {
    const { hear, answer } = await bench();
    await hear(message6('solicit'));
    expect(getOption6(answer().options, 'dnsServers')).toBeUndefined();
    await hear(message6('solicit', { options: [option6('optionRequest', [OPTIONS6.dnsServers.code, OPTIONS6.domainSearch.code])] }));
    expect(getOption6(answer().options, 'dnsServers')).toEqual(['fd00:77::53']);
    expect(getOption6(answer().options, 'domainSearch')).toEqual(['lab.example']);
    expect(getOption6(answer().options, 'bootFileUrl')).toBeUndefined();
  });

  it('answers through the relays, from the network that the nearest one names', async () => {
    const away = subnet6('fd00:99::/64');
    const { socket, hear, answer } = await bench({ subnets: [HOME6, away], at: { hears: 'unicast', address: OURS } });
    const inner = { type: RELAY_FORWARD, hops: 0, linkAddress: ip6('fd00:99::1'), peerAddress: ip6(CAPTURED_FROM) } as const;
    const near: Packet6 = { ...inner, options: [option6('relayMessage', IPXE_SOLICIT), option6('interfaceId', Buffer.from('p7'))] };
    await hear(near, 'fd00:99::1', 40_000);
    expect(socket.sent[0]).toMatchObject({ address: 'fd00:99::1', port: 547, packet: { type: RELAY_REPLY, linkAddress: 'fd00:99::1' } });
    expect(addressesIn(answer())[0]).toMatch(/^fd00:99::/);
    await hear({ ...near, options: [...near.options, option6('relaySourcePort', 0)] }, 'fd00:99::1', 40_000);
    expect(socket.sent[1]).toMatchObject({ port: 40_000 });
  });

  it('takes the network from the relay nearest to the client, however many come behind', async () => {
    const { hear, answer } = await bench({ subnets: [HOME6, subnet6('fd00:99::/64')], at: { hears: 'unicast', address: OURS } });
    const near: Packet6 = {
      type: RELAY_FORWARD,
      hops: 0,
      linkAddress: ip6('fd00:99::1'),
      peerAddress: ip6(CAPTURED_FROM),
      options: [option6('relayMessage', IPXE_SOLICIT)],
    };
    const behind: Packet6 = { ...near, hops: 1, linkAddress: ip6('fd00:77::2'), options: [option6('relayMessage', encode6(near))] };
    await hear(behind, 'fd00:77::2', 547);
    expect(addressesIn(answer())[0]).toMatch(/^fd00:99::/);
  });

  it('names no boot file when it has no address that firmware could ask, and says so', async () => {
    const { notes, asked, hear } = await bench({
      addressesOf: () => [ip6('fe80::1')],
      sourceFor: () => Promise.resolve(undefined),
      mode: 'stateless',
    });
    await hear(message6('informationRequest', { claims: null, options: [option6('optionRequest', [59])] }));
    expect(asked).toEqual([]);
    expect(notes[0]?.reason).toContain('no IPv6 address but link-local ones on eth0');
  });

  it('leaves a question for settings to others when it has none: the client would take the empty answer', async () => {
    const silent = { mode: 'stateless', decideBoot: () => Promise.resolve({ silent: 'unknown machine' }) } as const;
    const question = message6('informationRequest', { claims: null, options: [option6('optionRequest', [23, 59])] });
    const none = await bench({ ...silent, subnets: [] });
    await none.hear(question);
    expect(none.socket.sent).toEqual([]);
    expect(none.notes[0]).toMatchObject({
      decision: 'silent',
      reason: matching(/settings only: we have none; no boot file: unknown machine/),
    });
    const some = await bench(silent);
    await some.hear(question);
    expect(getOption6(some.answer().options, 'dnsServers')).toEqual(['fd00:77::53']);
  });

  it('hears on interfaces that come up later, once each, and lives on when one can not be opened', async () => {
    const ticking = createFakeClock();
    const heard: string[][] = [];
    const late = new FakeSocket();
    const { hear, server, socket } = await bench({
      clock: ticking,
      openAgainMs: 10_000,
      at: { interfaceName: 'eth0' },
      ...nothingFor('its own disk'),
      open: (_signal, names) => {
        heard.push([...names]);
        if (heard.length === 2) return Promise.reject(new Error('not now'));
        const opened = {
          hears: 'multicast',
          interfaceName: `eth${heard.length}`,
          address: null,
          socket: late as unknown as Socket,
        } as const; // as above
        return Promise.resolve(heard.length === 3 ? [opened] : []);
      },
    });
    await ticking.advance(40_000);
    expect(heard).toEqual([[], [], [], ['eth3'], ['eth3']]);
    late.emit('message', OVMF_SOLICIT, { address: `${CAPTURED_FROM}%eth3`, port: 546, family: 'IPv6', size: 0 });
    await ticking.advance(0);
    expect(late.sent).toHaveLength(1);
    await hear(OVMF_SOLICIT);
    expect(socket.sent).toEqual([]); // it was never opened here
    await server.stop();
    expect(late.closed).toBe(true);
    await ticking.advance(40_000);
    expect(heard).toHaveLength(5);
  });

  describe('in stateless mode', () => {
    const nothing = { mode: 'stateless', turnAway: () => Promise.resolve({ nothing: 'its own disk' }) } as const;

    it('advertises nothing to firmware that nothing is there for: no address, no boot file, no class, no preference', async () => {
      const asked: unknown[] = [];
      const { answer, hear, notes, socket } = await bench({
        ...nothing,
        turnAway: (client) => {
          asked.push(client);
          return nothing.turnAway();
        },
        // A network without IPv6 but for link-local addresses.
        addressesOf: () => [ip6('fe80::1')],
        sourceFor: () => Promise.resolve(undefined),
      });
      await hear(OVMF_SOLICIT);
      expect(asked).toEqual([{ mac: CAPTURED_MAC, smbiosUuid: CAPTURED_UUID, architecture: 16, kind: 'http', interfaceName: 'eth0' }]);
      expect(answer().type).toBe(MESSAGE6.advertise);
      expect(answer().options.map(({ code }) => code)).toEqual([OPTIONS6.clientId.code, OPTIONS6.serverId.code]);
      expect(socket.sent[0]).toMatchObject({ address: `${CAPTURED_FROM}%eth0`, port: 546 });
      expect(notes).toEqual([{ mac: CAPTURED_MAC, decision: 'advertise', reason: 'solicit: no address and no boot file: its own disk' }]);
    });

    it('is silent to firmware that may boot, with the reason', async () => {
      const { hear, notes, socket } = await bench({ mode: 'stateless' });
      await hear(OVMF_SOLICIT);
      expect(socket.sent).toEqual([]);
      expect(notes).toEqual([
        { mac: CAPTURED_MAC, decision: 'silent', reason: "solicit: addresses are another server's affair; enrolment is open" },
      ]);
    });

    it('is silent to iPXE, to installed systems, and when the decision fails', async () => {
      const { hear, socket } = await bench(nothing);
      await hear(IPXE_SOLICIT);
      await hear(message6('solicit'));
      const failing = await bench({ mode: 'stateless', turnAway: () => Promise.reject(new Error('store is away')) });
      await failing.hear(OVMF_SOLICIT);
      expect([...socket.sent, ...failing.socket.sent]).toEqual([]);
      expect(failing.notes[0]?.reason).toContain('store is away');
    });
  });

  it('keeps an address when the boot decision fails or hangs', async () => {
    const failing = await bench({ decideBoot: () => Promise.reject(new Error('store is away')) });
    await failing.hear(IPXE_SOLICIT);
    expect(addressesIn(failing.answer())).toHaveLength(1);
    expect(failing.notes[0]?.reason).toContain('the boot decision failed: store is away');
    const turned = createFakeClock();
    const hanging = await bench({ clock: turned, decideBoot: () => new Promise(() => undefined) });
    await hanging.hear(IPXE_SOLICIT);
    expect(hanging.socket.sent).toEqual([]);
    await turned.advance(5000);
    expect(addressesIn(hanging.answer())).toHaveLength(1);
    expect(hanging.notes[0]?.reason).toContain('no boot decision within 5000 ms');
  });

  it('reports another server once, however often clients name it', async () => {
    const { socket, others, notes, hear } = await bench();
    for (let times = 0; times < 3; times += 1) await hear(message6('request', { server: OTHER_DUID }));
    expect(socket.sent).toEqual([]);
    expect(others).toEqual([{ duid: OTHER_DUID.toString('hex'), interfaceName: 'eth0' }]);
    expect(notes.at(-1)?.reason).toContain('another DHCPv6 server');
  });

  it('limits who asks too often, and says so once', async () => {
    const { socket, notes, server, hear } = await bench({ limits: { clientBurst: 2 } });
    for (let times = 0; times < 5; times += 1) await hear(IPXE_SOLICIT);
    expect(socket.sent).toHaveLength(2);
    expect(server.counters()).toMatchObject({ received: 5, limited: 3, sent: 2 });
    expect(notes.filter(({ reason }) => reason.includes('limited'))).toHaveLength(1);
  });

  it('counts what it cannot read, also deep inside, and lives on', async () => {
    const { server, hear, answer } = await bench();
    await hear(Buffer.from('nonsense'));
    await hear({ ...message6('solicit', { claims: null }), options: [{ code: 1, bytes: new Uint8Array(1) }] });
    await hear(message6('solicit', { claims: null, options: [{ code: 3, bytes: new Uint8Array(5) }] }));
    expect(server.counters()).toMatchObject({ malformed: 3, sent: 0, failed: 0 });
    await hear(IPXE_SOLICIT);
    expect(answer().type).toBe(2);
  });

  it('hears nothing when it is off, and nothing more once stopped', async () => {
    const off = await bench({ mode: 'off' });
    await off.hear(IPXE_SOLICIT);
    expect(off.server.counters().received).toBe(0);
    const { socket, server, hear } = await bench();
    await server.stop();
    await hear(IPXE_SOLICIT);
    expect([socket.closed, socket.sent.length]).toEqual([true, 0]);
    await server.stop();
  });
});
