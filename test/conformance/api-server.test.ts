// The API over real sockets: TLS, ports in use, slow readers, stopping.

import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Api, type ApiDeps, createApi, ensureServerCertificate } from '../../src/api/index.ts';
import { systemClock, systemCode, systemRandom } from '../../src/lib/index.ts';
import { containing } from '../support/containing.ts';
import { ADMIN, type HarnessOptions, prepareApi } from '../unit/api/harness.ts';
import { matching } from '../unit/api/matchers.ts';

const LOOPBACK = '127.0.0.1';
const signal = AbortSignal.timeout(60_000);

async function startApi(options: HarnessOptions = {}, more: Partial<ApiDeps> = {}) {
  const harness = await prepareApi({ clock: systemClock, ...options });
  const api = createApi({ ...harness.deps, ...more });
  onTestFinished(() => api.stop());
  await api.start(signal);
  return { ...harness, api };
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

async function bodyOf(response: IncomingMessage): Promise<Answer> {
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return { status: response.statusCode ?? 0, body };
}

async function get(api: Api, path: string): Promise<Answer> {
  return bodyOf(await open(api, path));
}

/** The reply as it begins, to be read or not. */
async function open(api: Api, path: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  const request = httpRequest({ host: LOOPBACK, port: api.port(), path, headers: { ...ADMIN, ...headers }, agent: false });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage]; // what the event carries
  return response;
}

const follow = (api: Api, path = '/api/events', headers: Record<string, string> = {}) =>
  open(api, path, { accept: 'text/event-stream', ...headers });

async function raw(port: number, bytes: string): Promise<{ readonly socket: Socket; readonly text: string }> {
  const socket = connect(port, LOOPBACK);
  socket.on('error', () => undefined); // a reset is one of the answers
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  await once(socket, 'connect');
  socket.write(bytes);
  await once(socket, 'close');
  return { socket, text };
}

describe('TLS', () => {
  it('speaks HTTPS with the stored certificate, which a client can pin', async () => {
    const harness = await prepareApi({ clock: systemClock });
    const certificate = await ensureServerCertificate({ store: harness.store, clock: systemClock, random: systemRandom, names: [] });
    const api = createApi({ ...harness.deps, tls: certificate });
    onTestFinished(() => api.stop());
    await api.start(signal);
    const request = httpsRequest({
      host: 'localhost',
      port: api.port(),
      path: '/healthz',
      ca: certificate.cert,
      lookup: toLoopback,
      agent: false,
    });
    let fingerprint = '';
    request.on('socket', (socket) => {
      // https.request gives a TLS socket
      socket.on('secureConnect', () => {
        fingerprint = (socket as TLSSocket).getPeerCertificate().fingerprint256;
      });
    });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage]; // what the event carries
    expect(await bodyOf(response)).toEqual({ status: 200, body: '{"status":"ok"}' });
    expect(fingerprint.replaceAll(':', '').toLowerCase()).toBe(certificate.fingerprintSha256);
    const { text } = await raw(api.port(), 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(text).not.toContain('200 OK');
  });
});

function toLoopback(_host: string, _options: unknown, done: (error: null, address: { address: string; family: number }[]) => void): void {
  done(null, [{ address: LOOPBACK, family: 4 }]);
}

describe('the port', () => {
  it('in use is an error that names the process and the setting', async () => {
    const other = createServer().listen(0, LOOPBACK);
    onTestFinished(() => void other.close());
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo; // listens on TCP
    const { deps } = await prepareApi();
    const api = createApi({ ...deps, config: { ...deps.config, listen: { host: LOOPBACK, port } } });
    await expect(api.start(signal)).rejects.toMatchObject({
      code: 'api.port_in_use',
      message: matching(new RegExp(`^127\\.0\\.0\\.1:${port} is in use by .+ \\(process ${process.pid}\\)$`)),
      hint: containing('server.listen'),
    });
    await api.stop();
  });

  it('on an address of another machine is an error that says so', async () => {
    const { deps } = await prepareApi();
    const api = createApi({ ...deps, config: { ...deps.config, listen: { host: '192.0.2.1', port: 0 } } });
    await expect(api.start(signal)).rejects.toMatchObject({
      code: 'api.address_unavailable',
      message: containing('192.0.2.1:0'),
    });
  });

  it('answers bytes that are not HTTP, and headers without end, with an error and goes on', async () => {
    const { api } = await startApi();
    expect((await raw(api.port(), '\u0016\u0003\u0001 hello\r\n\r\n')).text).toMatch(
      /^HTTP\/1\.1 400 Bad Request\r\n(.*\r\n)*\r\n\{.*"code":"api\.bad_request"/,
    );
    const { text } = await raw(api.port(), `GET / HTTP/1.1\r\nHost: x\r\nx-long: ${'x'.repeat(100_000)}\r\n\r\n`);
    expect(text).toMatch(/^HTTP\/1\.1 431 /);
    expect((await get(api, '/healthz')).status).toBe(200);
  });
});

describe('stopping', () => {
  it('lets requests under way finish, ends streams with a word, and takes no new ones', async () => {
    const arrived = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const { api } = await startApi({
      services: (real) => ({
        ...real,
        enrolment: {
          ...real.enrolment,
          get: async () => {
            arrived.resolve();
            await release.promise;
            return { mode: 'closed', until: null };
          },
        },
      }),
    });
    const stream = await follow(api);
    const words = bodyOf(stream);
    const slow = get(api, '/api/enrolment');
    await arrived.promise;
    const stopped = api.stop();
    expect((await words).body).toContain(': the appliance is stopping; come back with Last-Event-ID\n\n');
    await waitUntil(() =>
      get(api, '/healthz').then(
        () => false,
        (thrown: unknown) => systemCode(thrown) === 'ECONNREFUSED',
      ),
    );
    release.resolve();
    expect(await slow).toEqual({ status: 200, body: '{"mode":"closed","until":null}' });
    await stopped;
    await api.stop();
  });

  it('cuts off what does not finish in time', async () => {
    const arrived = Promise.withResolvers<void>();
    const { api } = await startApi({
      config: { drainMs: 100 },
      services: (real) => ({
        ...real,
        enrolment: {
          ...real.enrolment,
          get: () => {
            arrived.resolve();
            return new Promise(() => undefined);
          },
        },
      }),
    });
    const cut = expect(get(api, '/api/enrolment')).rejects.toMatchObject({ code: 'ECONNRESET' });
    await arrived.promise;
    await api.stop();
    await cut;
  });

  it('is not held up by a stream whose reader does not read', async () => {
    const { api, store } = await startApi({ config: { drainMs: 200 } });
    const stream = await follow(api);
    stream.pause();
    await appendMany(store, 2000);
    await api.stop();
  });

  it('does nothing when nothing was started', async () => {
    const { deps } = await prepareApi();
    await createApi(deps).stop();
  });
});

/** About 3 kB each: more than kernel buffers take when they are not read. */
async function appendMany(store: Awaited<ReturnType<typeof prepareApi>>['store'], count: number): Promise<void> {
  for (let written = 0; written < count; written += 500) {
    await store.transaction(async (tx) => {
      for (let i = 0; i < 500; i += 1) await store.events.append(tx, { type: 'test.flood', message: 'x'.repeat(3000) });
    });
  }
}

describe('event streams', () => {
  it('drop a reader that does not read, which can resume without loss, and serve the others', async () => {
    const { api, store } = await startApi({ config: { limits: { slowReaderMs: 3000 } } });
    const sleeper = await follow(api);
    const reader = await follow(api);
    const count = 8000; // 24 MB
    const seen = idsUntil(reader, count);
    await appendMany(store, count);
    expect(await seen).toEqual(Array.from({ length: count }, (_, i) => i + 1));
    await waitUntil(async () => (await get(api, '/metrics')).body.includes('rackseed_sse_clients 1'));
    reader.destroy();

    const before = await bodyOf(sleeper).catch(() => ({ body: '' })); // cut off: what it got is in its own buffer
    const last = [...before.body.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1])).at(-1) ?? 0;
    expect(last).toBeLessThan(count);
    const again = await follow(api, '/api/events', { 'last-event-id': String(last) });
    expect(await idsUntil(again, count)).toEqual(Array.from({ length: count - last }, (_, i) => last + 1 + i));
    again.destroy();
  });

  it('make room when a reader goes', async () => {
    const { api } = await startApi({ config: { limits: { sseClients: 2 } } });
    const first = await follow(api);
    await follow(api);
    const refused = await follow(api);
    expect(refused.statusCode).toBe(503);
    refused.destroy();
    first.destroy();
    await waitUntil(async () => (await get(api, '/metrics')).body.includes('rackseed_sse_clients 1'));
    expect((await follow(api)).statusCode).toBe(200);
  });

  it('are 200 at once, each gets every event', async () => {
    const { api, store } = await startApi();
    const readers = await Promise.all(Array.from({ length: 200 }, () => follow(api)));
    expect(readers.every((reader) => reader.statusCode === 200)).toBe(true);
    const all = readers.map((reader) => idsUntil(reader, 50));
    for (let i = 0; i < 50; i += 1) await store.transaction((tx) => store.events.append(tx, { type: 'test.one', message: 'x' }));
    const expected = Array.from({ length: 50 }, (_, i) => i + 1);
    for (const ids of await Promise.all(all)) expect(ids).toEqual(expected);
    for (const reader of readers) reader.destroy();
  });
});

/** The ids of a stream's events, up to and with `last`. */
async function idsUntil(stream: IncomingMessage, last: number): Promise<number[]> {
  const ids: number[] = [];
  let rest = '';
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    rest += String(chunk);
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.startsWith('id: ')) ids.push(Number(line.slice(4)));
    if (ids.at(-1) === last) return ids;
  }
  throw new Error(`the stream ended after event ${ids.at(-1)}`);
}

async function waitUntil(condition: () => Promise<boolean>): Promise<void> {
  const end = systemClock.monotonic() + 30_000;
  while (!(await condition())) {
    if (systemClock.monotonic() > end) throw new Error('it did not come to pass in 30 s');
    await systemClock.sleep(50);
  }
}
