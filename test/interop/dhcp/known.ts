// Machines that the server knows: each obtains a lease through a relay, takes the address, and renews it by unicast every second or so, as a
// client does that asks again after four seconds without an answer. Arguments: server, our address as the relay, interface, machines.
// Says {"leased"} first; on SIGUSR2, and at the end on SIGTERM, what became of the renewals since.

import { spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { ACK, type Answer, answerOf, DISCOVER, OFFER, packetOf, REQUEST, type Sketch } from './packets.ts';

const [server = '', relay = '', device = '', machines = '1'] = process.argv.slice(2);
const AGAIN_MS = 4000;
const TRIES = 8;
const EVERY_MS = 1000;

const waiting = new Map<number, (answer: Answer) => void>();
const ended = new AbortController();
let nextXid = 1;
let counts = fresh();

function fresh(): { readonly ms: number[]; repeats: number; failed: number; readonly renewed: Set<number> } {
  return { ms: [], repeats: 0, failed: 0, renewed: new Set() };
}

async function open(address: string, port: number): Promise<Socket> {
  const socket = createSocket('udp4', (bytes) => {
    const answer = answerOf(bytes);
    if (answer !== undefined) waiting.get(answer.xid)?.(answer);
  });
  socket.bind(port, address);
  await once(socket, 'listening');
  return socket;
}

/** One question with its repeats; undefined when nothing answered it. Another answer than the one wanted, a NAK, is none. */
async function ask(socket: Socket, wanted: number, sketch: Omit<Sketch, 'xid'>): Promise<Answer | undefined> {
  const xid = nextXid++;
  const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
  waiting.set(xid, (answer) => resolve(answer.type === wanted ? answer : undefined));
  const packet = packetOf({ ...sketch, xid });
  let tries = 0;
  const send = (): void => {
    if (tries === TRIES) {
      resolve(undefined);
      return;
    }
    if (tries > 0) counts.repeats += 1;
    tries += 1;
    socket.send(packet, 67, server);
  };
  const timer = setInterval(send, AGAIN_MS);
  send();
  try {
    return await promise;
  } finally {
    clearInterval(timer);
    waiting.delete(xid);
  }
}

async function obtain(socket: Socket, mac: Uint8Array): Promise<string> {
  const offer = await ask(socket, OFFER, { type: DISCOVER, mac, giaddr: relay });
  if (offer === undefined) throw new Error('no offer');
  const ack = await ask(socket, ACK, { type: REQUEST, mac, giaddr: relay, requested: offer.yiaddr, server });
  if (ack === undefined) throw new Error(`${offer.yiaddr} was offered, and not given`);
  return ack.yiaddr;
}

async function renewOn(socket: Socket, number: number, mac: Uint8Array, ciaddr: string): Promise<void> {
  while (!ended.signal.aborted) {
    // Not all at the same moment.
    await pause(EVERY_MS * (0.5 + Math.random()), undefined, { signal: ended.signal }).catch(() => undefined);
    if (ended.signal.aborted) return;
    const start = performance.now();
    const ack = await ask(socket, ACK, { type: REQUEST, mac, ciaddr });
    if (ack?.yiaddr !== ciaddr) counts.failed += 1;
    else {
      counts.ms.push(performance.now() - start);
      counts.renewed.add(number);
    }
  }
}

async function run(command: string, args: readonly string[], input: string): Promise<void> {
  const child = spawn(command, args, { stdio: ['pipe', 'inherit', 'inherit'] });
  child.stdin.end(input);
  const [code] = (await once(child, 'close')) as [number | null]; // the exit code comes first
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}`);
}

function report(): void {
  const { ms, repeats, failed, renewed } = counts;
  counts = fresh();
  ms.sort((a, b) => a - b);
  const at = (part: number): number => ms[Math.floor(ms.length * part)] ?? 0;
  say({ renewals: ms.length, machines: renewed.size, failed, repeats, p50: at(0.5), p99: at(0.99), max: ms.at(-1) ?? 0 });
}

function say(line: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const macs = Array.from({ length: Number(machines) }, (_, number) => Uint8Array.of(0x52, 0x54, 0, 0xaa, number >>> 8, number & 255));
const asRelay = await open(relay, 67);
const addresses: string[] = [];
for (const mac of macs) addresses.push(await obtain(asRelay, mac));
// After all have theirs, and at once: the server's kernel still asks for the last one by ARP, since the server did.
await run('ip', ['-batch', '-'], addresses.map((address) => `addr add ${address}/32 dev ${device}\n`).join(''));
const sockets = await Promise.all(addresses.map((address) => open(address, 68)));
process.on('SIGUSR2', report);
process.once('SIGTERM', () => ended.abort());
say({ leased: addresses.length });
counts = fresh();
await Promise.all(macs.map((mac, number) => renewOn(sockets[number] ?? asRelay, number, mac, addresses[number] ?? '')));
for (const socket of [asRelay, ...sockets]) socket.close();
report();
