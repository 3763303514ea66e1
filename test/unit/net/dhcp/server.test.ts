import type { Socket } from 'node:dgram';
import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { type Clock, silentLog, systemRandom } from '../../../../src/lib/index.ts';
import type { DecideBoot } from '../../../../src/net/dhcp/client.ts';
import { type DhcpPacket, decode, encode } from '../../../../src/net/dhcp/codec.ts';
import type { LeaseBook } from '../../../../src/net/dhcp/lease/lease-book.ts';
import type { DhcpLease } from '../../../../src/net/dhcp/lease/lease-table.ts';
import { getOption, messageName, rawOption } from '../../../../src/net/dhcp/options.ts';
import { createDhcpServer, type DhcpNote, type DhcpServerOptions } from '../../../../src/net/dhcp/server.ts';
import { CLIENT, ip, mac, message } from './packets.ts';
import { HOME, lease, NOW, SERVER } from './site.ts';

/** What the server needs of a socket: it hears, it sends, it closes. */
class FakeSocket extends EventEmitter {
  readonly sent: { packet: DhcpPacket; port: number; address: string }[] = [];
  closed = false;
  setRecvBufferSize(): void {
    // a real one asks the kernel for room
  }
  send(bytes: Buffer, port: number, address: string, done: (error: Error | null) => void): void {
    this.sent.push({ packet: decode(bytes), port, address });
    done(null);
    this.emit('sent');
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
const PXE = [rawOption('vendorClass', 'PXEClient:Arch:00007:UNDI:003000'), rawOption('clientArchitecture', [7])];
const REQUEST = message('request', { options: [rawOption('serverId', SERVER), rawOption('requestedAddress', ip('10.0.0.100'))] });
const boots: DecideBoot = () => Promise.resolve({ boot: { fileName: 'ipxe.efi', nextServer: SERVER }, reason: 'enrolment is open' });

interface Bench {
  readonly socket: FakeSocket;
  readonly notes: DhcpNote[];
  readonly saved: DhcpLease[][];
  readonly server: ReturnType<typeof createDhcpServer>;
  /** Lets the packet in and waits until all work it caused is done. */
  readonly hear: (packet: DhcpPacket | Buffer) => Promise<void>;
}

async function bench(options: Partial<DhcpServerOptions> & { port?: number; book?: Partial<LeaseBook> } = {}): Promise<Bench> {
  const socket = new FakeSocket();
  const notes: DhcpNote[] = [];
  const saved: DhcpLease[][] = [];
  const save = (leases: readonly DhcpLease[]): Promise<void> => Promise.resolve(void saved.push([...leases]));
  const server = createDhcpServer({
    mode: 'full',
    sockets: [{ interfaceName: 'eth0', address: SERVER, port: options.port ?? 67, socket: socket as unknown as Socket }], // the three methods it uses
    subnets: [HOME],
    decideBoot: boots,
    leases: { load: () => Promise.resolve([]), save, ...options.book },
    clock,
    log: silentLog,
    note: (note) => notes.push(note),
    ...options,
  });
  await server.start(AbortSignal.timeout(1000));
  const hear = async (packet: DhcpPacket | Buffer): Promise<void> => {
    socket.emit('message', Buffer.isBuffer(packet) ? packet : encode(packet), {
      address: '10.0.0.50',
      port: 68,
      family: 'IPv4',
      size: 300,
    });
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  };
  return { socket, notes, saved, server, hear };
}

describe('the DHCP server', () => {
  it('offers and acknowledges by broadcast, with the boot file, and notes why', async () => {
    const { socket, notes, hear } = await bench();
    await hear(message('discover', { options: PXE }));
    await hear({ ...REQUEST, options: new Map([...REQUEST.options, ...PXE]) });
    expect(
      socket.sent.map(({ packet, address, port }) => [messageName(packet.options), packet.yiaddr, packet.file, address, port]),
    ).toEqual([
      ['offer', '10.0.0.100', 'ipxe.efi', '255.255.255.255', 68],
      ['ack', '10.0.0.100', 'ipxe.efi', '255.255.255.255', 68],
    ]);
    expect(notes).toEqual([
      { mac: CLIENT, decision: 'offer', reason: '10.0.0.100: free; boots ipxe.efi: enrolment is open' },
      { mac: CLIENT, decision: 'ack', reason: '10.0.0.100: selected our offer; boots ipxe.efi: enrolment is open' },
    ]);
  });

  it('sends no ACK before the lease is durable', async () => {
    const gate = Promise.withResolvers<void>();
    const { socket, hear } = await bench({ book: { save: () => gate.promise } });
    await hear(REQUEST);
    expect(socket.sent).toHaveLength(0);
    const sent = new Promise((resolve) => socket.once('sent', resolve));
    gate.resolve();
    await sent;
    expect(messageName(socket.sent[0]?.packet.options ?? new Map())).toBe('ack');
  });

  it('sends no ACK when the store fails, and has the address free again', async () => {
    let isBroken = true;
    const { socket, notes, hear } = await bench({
      book: { save: () => (isBroken ? Promise.reject(new Error('disk full')) : Promise.resolve()) },
    });
    await hear(REQUEST);
    expect(socket.sent).toHaveLength(0);
    expect(notes).toEqual([{ mac: CLIENT, decision: 'silent', reason: 'the answer failed: disk full' }]);
    isBroken = false;
    await hear({ ...REQUEST, chaddr: message('request', { mac: mac('52:54:00:00:00:02') }).chaddr });
    expect(socket.sent[0]?.packet.yiaddr).toBe('10.0.0.100');
  });

  it('lives when the store fails while a boot decision is under way', async () => {
    const decided = Promise.withResolvers<Awaited<ReturnType<DecideBoot>>>();
    const { socket, notes, hear } = await bench({
      book: { save: () => Promise.reject(new Error('disk full')) },
      decideBoot: () => decided.promise,
    });
    await hear({ ...REQUEST, options: new Map([...REQUEST.options, ...PXE]) });
    expect(notes).toEqual([{ mac: CLIENT, decision: 'silent', reason: 'the answer failed: disk full' }]);
    decided.resolve({ silent: 'too late' });
    expect(socket.sent).toHaveLength(0);
  });

  it('gives the address although the boot decision fails', async () => {
    const { socket, notes, hear } = await bench({ decideBoot: () => Promise.reject(new Error('broken rule')) });
    await hear(message('discover', { options: PXE }));
    expect(socket.sent[0]?.packet).toMatchObject({ yiaddr: '10.0.0.100', file: '' });
    expect(notes[0]?.reason).toBe('10.0.0.100: free; no boot file: the boot decision failed: broken rule');
  });

  it('gives the address although the boot decision hangs', async () => {
    const soon: Clock = { ...clock, sleep: () => Promise.resolve() };
    const { socket, hear } = await bench({ clock: soon, decideBoot: () => new Promise(() => undefined) });
    await hear(message('discover', { options: PXE }));
    expect(socket.sent[0]?.packet).toMatchObject({ yiaddr: '10.0.0.100', file: '' });
  });

  it('asks for no boot decision when a running system renews', async () => {
    const { socket, hear } = await bench({ decideBoot: () => Promise.reject(new Error('not to be asked')) });
    await hear(message('request', { ciaddr: ip('10.0.0.100') }));
    expect(socket.sent[0]).toMatchObject({ address: '10.0.0.100', packet: { ciaddr: '10.0.0.100', yiaddr: '10.0.0.100' } });
  });

  it('survives what it cannot read, and counts it', async () => {
    const { socket, server, hear } = await bench();
    await hear(Buffer.from('not DHCP'));
    await hear(message('discover', { options: [[93, Buffer.of(1)]] }));
    await hear(message('discover', { htype: 32, hlen: 0 }));
    await hear(message('discover'));
    expect(socket.sent).toHaveLength(1);
    expect(server.counters()).toMatchObject({ received: 4, malformed: 2, sent: 1 });
  });

  it('answers nobody before it has looked for other servers, says why, and hears what needs no answer', async () => {
    const { socket, notes, saved, hear, server } = await bench({
      watch: {
        allowOtherServers: false,
        random: systemRandom,
        host: { linkOf: () => Promise.resolve('down'), identityOf: () => undefined, neighbour: () => Promise.resolve(null) },
      },
      book: { load: () => Promise.resolve([lease('10.0.0.105')]) },
    });
    await hear(message('discover'));
    await hear(message('release', { ciaddr: ip('10.0.0.105') }));
    expect(socket.sent).toHaveLength(0);
    expect(notes).toEqual([
      { mac: CLIENT, decision: 'silent', reason: expect.stringContaining('eth0 has no link') as unknown },
      { mac: CLIENT, decision: 'end', reason: '10.0.0.105 released' },
    ]);
    expect(saved).toHaveLength(1);
    expect(server.status()).toMatchObject({ mode: 'full', state: 'watching', interfaces: [{ name: 'eth0', problem: 'down' }] });
    await server.stop();
  });

  it('limits each client, says so once, and goes on answering the others', async () => {
    const { socket, notes, hear } = await bench({ limits: { clientBurst: 3 } });
    for (let repeat = 0; repeat < 10; repeat += 1) await hear(message('discover'));
    await hear(message('discover', { mac: mac('52:54:00:00:00:02') }));
    expect(socket.sent).toHaveLength(4);
    expect(notes.filter((note) => note.decision === 'silent')).toEqual([
      { mac: CLIENT, decision: 'silent', reason: 'asks more than 2 times a second: limited' },
    ]);
  });

  it('drops packets over the cap on work under way', async () => {
    const { server, hear } = await bench({ limits: { maxInWork: 2 }, decideBoot: () => new Promise(() => undefined) });
    for (let repeat = 0; repeat < 5; repeat += 1) await hear(message('discover', { options: PXE }));
    expect(server.counters()).toMatchObject({ received: 5, dropped: 3 });
  });

  it('remembers the leases of an earlier run', async () => {
    const old: DhcpLease = {
      address: ip('10.0.0.105'),
      subnet: HOME.cidr,
      mac: CLIENT,
      clientId: null,
      smbiosUuid: null,
      hostname: null,
      state: 'released',
      startsAt: 0,
      expiresAt: 1,
    };
    const { socket, hear } = await bench({ book: { load: () => Promise.resolve([old]) } });
    await hear(message('discover'));
    expect(socket.sent[0]?.packet.yiaddr).toBe('10.0.0.105');
  });

  it('does not shorten a running lease by offering it again', async () => {
    const { socket, saved, hear } = await bench();
    await hear(REQUEST);
    await hear(message('discover'));
    await hear(message('release', { ciaddr: ip('10.0.0.100') }));
    expect(socket.sent).toHaveLength(2);
    expect(saved.map((batch) => batch.map((lease) => lease.state))).toEqual([['bound'], ['released']]);
  });

  it('in proxy mode offers no address, and answers the boot port where it was asked from', async () => {
    const first = await bench({ mode: 'proxy' });
    await first.hear(message('discover', { options: PXE }));
    expect(first.socket.sent[0]).toMatchObject({ address: '255.255.255.255', port: 68, packet: { yiaddr: '0.0.0.0', file: 'ipxe.efi' } });
    const second = await bench({ mode: 'proxy', port: 4011 });
    await second.hear(message('request', { ciaddr: ip('10.0.0.50'), options: PXE }));
    expect(second.socket.sent[0]).toMatchObject({ address: '10.0.0.50', port: 68, packet: { yiaddr: '0.0.0.0', file: 'ipxe.efi' } });
    expect(getOption(second.socket.sent[0]?.packet.options ?? new Map(), 'messageType')).toBe(5);
  });

  it('in proxy mode says nothing to a machine that is to be left alone', async () => {
    const { socket, notes, hear } = await bench({ mode: 'proxy', decideBoot: () => Promise.resolve({ silent: 'the node is ignored' }) });
    await hear(message('discover', { options: PXE }));
    expect(socket.sent).toHaveLength(0);
    expect(notes).toEqual([{ mac: CLIENT, decision: 'silent', reason: 'the node is ignored' }]);
  });

  it('switched off hears nothing', async () => {
    const { socket, hear } = await bench({ mode: 'off' });
    await hear(message('discover'));
    expect(socket.sent).toHaveLength(0);
  });

  it('stops after the answers under way, closes its sockets, and may be stopped twice', async () => {
    const gate = Promise.withResolvers<void>();
    const { socket, server, hear } = await bench({ book: { save: () => gate.promise } });
    await hear(REQUEST);
    const stopped = server.stop();
    expect(socket.closed).toBe(false);
    gate.resolve();
    await stopped;
    await server.stop();
    expect(socket.sent).toHaveLength(1);
    expect(socket.closed).toBe(true);
  });
});
