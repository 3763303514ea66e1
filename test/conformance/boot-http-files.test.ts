import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type BootHttp, type BootHttpOptions, createBootHttp } from '../../src/boot/index.ts';
import { type Log, silentLog, systemClock } from '../../src/lib/index.ts';
import { containing } from '../support/containing.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const MIB = 1024 * 1024;
const PATIENCE = { timeout: 60_000, interval: 20 };
const content = randomBytes(5 * MIB + 17);
const sha256 = createHash('sha256').update(content).digest('hex');
let directory: string;
const pathOf = (name: string): string => join(directory, name);

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rackseed-boot-files-'));
  await writeFile(pathOf('ipxe.efi'), content);
  await writeFile(pathOf('huge'), '');
  await writeFile(pathOf('cut'), '');
  for (const name of ['huge', 'cut']) await truncate(pathOf(name), 256 * MIB); // more than the socket buffers of a connection take
});

afterAll(() => rm(directory, { recursive: true }));

async function serve(options: Partial<BootHttpOptions> = {}): Promise<BootHttp> {
  const stored = (name: string, size: number, hash: string) => ({ name, path: pathOf(name), size, sha256: hash });
  const files = new Map(
    [
      stored('ipxe.efi', content.length, sha256),
      stored('huge', 256 * MIB, 'f'.repeat(64)),
      stored('gone', 10, 'a'.repeat(64)),
      stored('cut', 256 * MIB, 'b'.repeat(64)),
    ].map((file) => [file.name, file]),
  );
  const http = createBootHttp({
    host: '127.0.0.1',
    port: 0,
    files,
    startScript: (address) => `start from ${address}`,
    machineScript: () => Promise.resolve('machine'),
    clock: systemClock,
    log: silentLog,
    ...options,
  });
  await http.start(AbortSignal.timeout(10_000));
  onTestFinished(() => http.stop());
  return http;
}

const urlOf = (http: BootHttp, name: string): string => `http://127.0.0.1:${http.port()}/boot/files/${name}`;

/** A client that has asked and reads only when told to. */
async function ask(http: BootHttp, name: string, from = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port: http.port(), host: '127.0.0.1', localAddress: from });
  socket.on('error', () => undefined); // the server may break it off: 'close' tells
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.write(`GET /boot/files/${name} HTTP/1.1\r\nHost: x\r\n\r\n`);
  return socket;
}

async function firstBytes(socket: Socket): Promise<string> {
  const [data] = (await once(socket, 'data')) as [Buffer]; // no encoding is set
  socket.pause();
  return data.toString('latin1');
}

function handlesOn(name: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === pathOf(name);
    } catch {
      return false; // closed since it was listed
    }
  }).length;
}

function listeningLog(): { readonly log: Log; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const write = (fields: object, message: string): void => void lines.push({ ...fields, message });
  const log: Log = { debug: write, info: write, warn: write, error: write, child: () => log };
  return { log, lines };
}

describe('the file route', () => {
  it('sends several ranges as the parts they are', async () => {
    const http = await serve();
    const wanted = [
      [MIB - 10, MIB + 10],
      [0, 99],
      [content.length - 5, content.length - 1],
    ] as const;
    const answer = await fetch(urlOf(http, 'ipxe.efi'), { headers: { range: `bytes=${wanted.map((one) => one.join('-')).join(',')}` } });
    const body = Buffer.from(await answer.arrayBuffer());
    const boundary = /boundary=(.+)$/.exec(answer.headers.get('content-type') ?? '')?.[1] ?? '';
    const parts = wanted.map(([start, end]) =>
      Buffer.concat([
        Buffer.from(`--${boundary}\r\nContent-Type: application/efi\r\nContent-Range: bytes ${start}-${end}/${content.length}\r\n\r\n`),
        content.subarray(start, end + 1),
        Buffer.from('\r\n'),
      ]),
    );
    expect(answer.status).toBe(206);
    expect(body.equals(Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]))).toBe(true);
  });

  it('answers EDK2 as it wants: the type of the image and the length, by HEAD and by GET', async () => {
    const http = await serve();
    for (const method of ['HEAD', 'GET']) {
      const { headers } = await fetch(urlOf(http, 'ipxe.efi'), { method });
      expect([headers.get('content-type'), headers.get('content-length')]).toEqual(['application/efi', String(content.length)]);
    }
  });

  it('goes on with a download only while the file is the same', async () => {
    const http = await serve();
    const resume = (etag: string) => fetch(urlOf(http, 'ipxe.efi'), { headers: { range: 'bytes=100-', 'if-range': etag } });
    const same = await resume(`"${sha256}"`);
    expect([same.status, Buffer.from(await same.arrayBuffer()).equals(content.subarray(100))]).toEqual([206, true]);
    const other = await resume('"other"');
    expect([other.status, Buffer.from(await other.arrayBuffer()).equals(content)]).toEqual([200, true]);
    expect((await fetch(urlOf(http, 'ipxe.efi'), { headers: { 'if-none-match': `"${sha256}"` } })).status).toBe(304);
  });

  it('gives every byte to each of many at once, from few buffers and one open file', async () => {
    const http = await serve({ limits: { maxChunks: 3 } });
    const all = Array.from({ length: 40 }, async () => Buffer.from(await (await fetch(urlOf(http, 'ipxe.efi'))).arrayBuffer()));
    expect((await Promise.all(all)).every((one) => one.equals(content))).toBe(true);
    await vi.waitFor(() => expect([http.counters().open, handlesOn('ipxe.efi')]).toEqual([0, 0]), PATIENCE);
    expect(http.counters()).toMatchObject({ requests: 40, bytes: 40 * content.length, aborted: 0, refused: 0 });
  });

  it('opens a file once, whoever fetches it at the same time', async () => {
    const http = await serve();
    const sockets = await Promise.all([ask(http, 'huge'), ask(http, 'huge'), ask(http, 'huge')]);
    await Promise.all(sockets.map(firstBytes));
    expect(handlesOn('huge')).toBe(1);
  });

  it('answers requests sent ahead on one connection in their order', async () => {
    const http = await serve();
    const socket = await ask(http, 'ipxe.efi');
    socket.write('GET /boot/start.ipxe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const received: Buffer[] = [];
    socket.on('data', (data: Buffer) => received.push(data));
    await once(socket, 'close');
    const all = Buffer.concat(received);
    const start = all.indexOf('\r\n\r\n') + 4;
    expect(all.subarray(start, start + content.length).equals(content)).toBe(true);
    expect(all.subarray(start + content.length).toString()).toMatch(/^HTTP\/1.1 200[\s\S]*start from 127.0.0.1/);
  });
});

describe('too many downloads', () => {
  it('of one machine are refused with the time to come back, and do not keep others out', async () => {
    const { log, lines } = listeningLog();
    const http = await serve({ limits: { maxOpenPerPeer: 2 }, log });
    const held = await Promise.all([ask(http, 'huge'), ask(http, 'huge')]);
    await Promise.all(held.map(firstBytes));
    const refused = await fetch(urlOf(http, 'ipxe.efi'));
    expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([503, true]);
    expect(await refused.text()).toContain('127.0.0.1 has 2 downloads open already');
    expect(await firstBytes(await ask(http, 'ipxe.efi', '127.0.0.2'))).toContain('200 OK');
    await vi.waitFor(() => expect(lines).toContainEqual(containingAll({ peer: '127.0.0.1', status: 503 })), PATIENCE);
    expect((await fetch(urlOf(http, 'ipxe.efi'), { method: 'HEAD' })).status).toBe(200); // takes nothing, so it is no download
  });

  it('of all machines are refused, and admitted again when others have ended', async () => {
    const http = await serve({ limits: { maxOpen: 1 } });
    const held = await ask(http, 'huge');
    await firstBytes(held);
    const refused = await fetch(urlOf(http, 'ipxe.efi'));
    expect([refused.status, http.counters().refused]).toEqual([503, 1]);
    held.destroy();
    await vi.waitFor(() => expect(http.counters().open).toBe(0), PATIENCE);
    expect((await fetch(urlOf(http, 'ipxe.efi'))).status).toBe(200);
  });
});

describe('a download that breaks off', () => {
  it('releases everything it held', async () => {
    const http = await serve();
    const sockets = await Promise.all(Array.from({ length: 20 }, () => ask(http, 'huge')));
    // A second request waits behind the first on each connection: its answer never gets its turn.
    for (const socket of sockets) socket.write('GET /boot/files/huge HTTP/1.1\r\nHost: x\r\n\r\n');
    await Promise.all(sockets.map(firstBytes));
    await vi.waitFor(() => expect(http.counters().open).toBe(40), PATIENCE);
    for (const socket of sockets) socket.destroy();
    await vi.waitFor(() => expect([http.counters().open, http.counters().aborted, handlesOn('huge')]).toEqual([0, 40, 0]), PATIENCE);
    expect(http.downloads()).toMatchObject([{ peer: '127.0.0.1', file: 'huge', state: 'stopped', total: 256 * MIB }]);
  });

  it('by a reader that takes nothing is ended by us after a minute, with the reason', async () => {
    const clock = createFakeClock();
    const { log, lines } = listeningLog();
    const http = await serve({ clock, log });
    const socket = await ask(http, 'huge');
    await firstBytes(socket);
    const progress = http.downloads()[0];
    expect(progress).toMatchObject({ state: 'sending' });
    // It sends until the buffers of the connection are full; from then on a minute passes.
    await vi.waitFor(async () => {
      await clock.advance(10_000);
      expect(http.counters().open).toBe(0);
    }, PATIENCE);
    expect(http.counters()).toMatchObject({ tooSlow: 1, aborted: 0 });
    expect(lines).toContainEqual(containingAll({ peer: '127.0.0.1', reason: 'the machine took less than 1 MiB in 60 s' }));
  });

  it('because the file ends early is seen by the machine as broken off, and does not stop the next one', async () => {
    const { log, lines } = listeningLog();
    const http = await serve({ log });
    const socket = await ask(http, 'cut');
    await firstBytes(socket);
    await truncate(pathOf('cut'), MIB); // the buffers of the connection are full long before all of it was read
    const closed = once(socket, 'close');
    socket.resume();
    await closed;
    expect(http.downloads()).toMatchObject([{ file: 'cut', state: 'stopped' }]);
    expect(lines).toContainEqual(containingAll({ file: 'cut', error: containing('while it is being sent') }));
    expect((await fetch(urlOf(http, 'ipxe.efi'))).status).toBe(200);
  });

  it('before it began, because the file is gone, names it and the way out', async () => {
    const http = await serve();
    const answer = await fetch(urlOf(http, 'gone'));
    expect([answer.status, await answer.text()]).toEqual([503, containing('rackseed image build')]);
    expect(http.counters().open).toBe(0);
  });
});

describe('progress', () => {
  it('is shown by machine and file while it goes on and afterwards', async () => {
    const http = await serve();
    const slow = await ask(http, 'huge', '127.0.0.3');
    await firstBytes(slow);
    await (await fetch(urlOf(http, 'ipxe.efi'))).arrayBuffer();
    await vi.waitFor(
      () =>
        expect(http.downloads()).toMatchObject([
          { peer: '127.0.0.3', file: 'huge', total: 256 * MIB, state: 'sending' },
          { peer: '127.0.0.1', file: 'ipxe.efi', sent: content.length, total: content.length, state: 'done' },
        ]),
      PATIENCE,
    );
  });
});

describe('the boot listener', () => {
  it('over IPv6 gives scripts an address that fits into a URL', async () => {
    const http = await serve({ host: '::1' });
    expect(await (await fetch(`http://[::1]:${http.port()}/boot/start.ipxe`)).text()).toBe('start from [::1]\n');
  });

  it('answers other texts, made for the machine that asks', async () => {
    const http = await serve({
      texts: ({ path, query, serverAddress, peer }) =>
        Promise.resolve(
          path === '/boot/grub.cfg'
            ? { body: `${query.get('mac')} at ${peer}, here ${serverAddress}`, contentType: 'text/plain' }
            : undefined,
        ),
    });
    const answer = await fetch(`http://127.0.0.1:${http.port()}/boot/grub.cfg?mac=1`);
    expect([answer.headers.get('content-type'), await answer.text()]).toEqual(['text/plain', '1 at 127.0.0.1, here 127.0.0.1\n']);
    expect((await fetch(`http://127.0.0.1:${http.port()}/boot/other.cfg`)).status).toBe(404);
  });

  it('notes a flood of refusals to one machine once', async () => {
    const { log, lines } = listeningLog();
    const http = await serve({ log });
    for (let index = 0; index < 5; index += 1) await fetch(`http://127.0.0.1:${http.port()}/${index}`);
    await vi.waitFor(() => expect(lines.filter(({ status }) => status === 404)).toHaveLength(5), PATIENCE);
    expect(lines.filter(({ message }) => String(message).includes('further refusals'))).toHaveLength(1);
  });
});

function containingAll(fields: object): unknown {
  return expect.objectContaining(fields);
}
