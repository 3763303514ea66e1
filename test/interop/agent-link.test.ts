// The agent's talk with a real server over TLS that restarts, resets, hangs and comes back at another time; and its downloads.

import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer, type RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket, connect as tcpConnect } from 'node:net';
import { Type } from 'typebox';
import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from '../../src/agent/client.ts';
import { openDownload } from '../../src/agent/download.ts';
import { insist } from '../../src/agent/insist.ts';
import { PinnedAgent } from '../../src/agent/pinned-agent.ts';
import { systemClock, systemRandom } from '../../src/lib/index.ts';
import { Secret } from '../../src/lib/secret.ts';
import { makeCertificate } from '../e2e/agent-stand-in.ts';

const never = new AbortController().signal;
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const certificate = makeCertificate();
const question = { path: '/api/agent/heartbeat', body: {}, reply: Type.Object({ ok: Type.Boolean() }), token: new Secret('bearer') };

async function listen(server: Server | HttpServer, port = 0): Promise<number> {
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port; // a TCP server has no other kind
}

function answering(): Server {
  return createServer(certificate, (request, response) => void request.resume().once('end', () => response.end('{"ok":true}')));
}

function askerOf(port: number, timeoutMs: number): { ask: () => Promise<unknown>; agent: PinnedAgent; said: string[] } {
  const agent = new PinnedAgent(certificate.fingerprint);
  closers.push(() => agent.destroy());
  const client = createClient(new URL(`https://127.0.0.1:${port}`), agent);
  const said: string[] = [];
  const parts = { clock: systemClock, random: systemRandom, say: (line: string) => void said.push(line), mark: () => undefined };
  const ask = (): Promise<unknown> =>
    insist(parts, { what: 'heartbeat', ask: () => client.post({ ...question, timeoutMs }, never), lastMs: () => 500 }, never);
  return { ask, agent, said };
}

describe('an agent whose appliance', { timeout: 60_000 }, () => {
  it('restarts, asks the new one on the same port', async () => {
    const first = answering();
    const port = await listen(first);
    const { ask } = askerOf(port, 5000);
    expect(await ask()).toEqual({ ok: true });
    first.close();
    first.closeAllConnections();
    await once(first, 'close');
    const asked = ask();
    await listen(answering(), port);
    expect(await asked).toEqual({ ok: true });
  });

  it('ends in the middle of a reply, asks again', async () => {
    let count = 0;
    const server = createServer(certificate, (request, response) => {
      count += 1;
      request.resume().once('end', () => {
        if (count > 1) response.end('{"ok":true}');
        else response.writeHead(200, { 'content-length': '1000' }).write('{"ok":', () => request.socket.destroy());
      });
    });
    const { ask, said } = askerOf(await listen(server), 5000);
    expect(await ask()).toEqual({ ok: true });
    expect(said.at(-1)).toContain('The appliance answers');
  });

  it('is behind a path that swallows everything, gives the dead connection up and takes another', async () => {
    const port = await listen(answering());
    let isDead = false;
    let connections = 0;
    const held: Socket[] = [];
    const path = createTcpServer((from) => {
      connections += 1;
      const isBorn = !isDead;
      const to = tcpConnect(port, '127.0.0.1');
      held.push(from, to);
      for (const socket of [from, to]) socket.on('error', () => undefined); // torn down at the end
      // A connection from before is swallowed once the path is dead; a new one is not.
      from.on('data', (bytes) => void ((isDead && isBorn) || to.write(bytes)));
      to.on('data', (bytes) => void ((isDead && isBorn) || from.write(bytes)));
    });
    path.listen(0, '127.0.0.1');
    await once(path, 'listening');
    closers.push(() => {
      path.close();
      for (const socket of held) socket.destroy();
    });
    const { ask, said } = askerOf((path.address() as AddressInfo).port, 1500); // a TCP server has no other kind
    expect(await ask()).toEqual({ ok: true });
    isDead = true;
    expect(await ask()).toEqual({ ok: true });
    expect(connections).toBe(2);
    expect(said[0]).toContain('does not answer');
  });
});

async function all(body: AsyncIterable<Buffer>): Promise<Buffer[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(Buffer.from(chunk));
  return chunks;
}

describe('a download', { timeout: 60_000 }, () => {
  const parts = (port: number): Parameters<typeof openDownload>[2] => {
    const agent = new PinnedAgent(certificate.fingerprint);
    closers.push(() => agent.destroy());
    return { appliance: new URL(`https://127.0.0.1:${port}`), agent, token: () => new Secret('bearer') };
  };

  it('from the appliance shows the token, and passes on status and headers', async () => {
    const port = await listen(
      createServer(certificate, ({ headers, url }, response) =>
        response.writeHead(206, { etag: '"1"' }).end(`${url} ${headers.authorization} ${headers.range}`),
      ),
    );
    const options = { isAppliance: true, headers: { range: 'bytes=5-' }, signal: never };
    const { status, headers, body } = await openDownload('/api/agent/image', options, parts(port));
    expect({ status, etag: headers.etag }).toEqual({ status: 206, etag: '"1"' });
    expect(Buffer.concat(await all(body)).toString()).toBe('/api/agent/image Bearer bearer bytes=5-');
  });

  it.each([false, true])('errors when it breaks off before its end (its pieces reused: %s)', async (isReused) => {
    const server = createServer(certificate, ({ socket }, response) => {
      response.writeHead(200, { 'content-length': '100000' });
      response.write('x'.repeat(1000), () => socket.destroy());
    });
    const { body } = await openDownload('/x', { isAppliance: true, isReused, signal: never }, parts(await listen(server)));
    await expect(all(body)).rejects.toThrow();
  });

  it.each(['https', 'http'])(
    'whose pieces are reused is the same, byte for byte, by %s, whatever its reader does meanwhile',
    async (kind) => {
      const bytes = Buffer.alloc(20_000_003);
      for (let at = 0; at < bytes.length - 4; at += 4096) bytes.writeUInt32LE(at, at);
      const seen: (string | undefined)[] = [];
      const answer: RequestListener = ({ headers, url }, response) => {
        seen.push(`${url} ${headers.authorization} ${headers.range}`);
        response.writeHead(206, { etag: '"1"', 'content-length': bytes.length }).end(bytes);
      };
      const port = await listen(kind === 'https' ? createServer(certificate, answer) : createHttpServer(answer));
      const from = { ...parts(port), appliance: new URL(`${kind}://127.0.0.1:${port}`) };
      const options = { isAppliance: true, isReused: true, headers: { range: 'bytes=5-' }, signal: never };
      const { status, headers, body } = await openDownload('/image?part=data', options, from);
      expect({ status, etag: headers.etag, length: headers['content-length'] }).toEqual({ status: 206, etag: '"1"', length: '20000003' });
      const got: Buffer[] = [];
      for await (const chunk of body) {
        const first = Buffer.from(chunk);
        await new Promise((resolve) => setImmediate(resolve));
        // Not received over while it is being looked at.
        expect(chunk.equals(first)).toBe(true);
        got.push(first);
      }
      expect(Buffer.concat(got).equals(bytes)).toBe(true);
      expect(seen).toEqual(['/image?part=data Bearer bearer bytes=5-']);
    },
  );

  it('whose pieces are reused is had in the ordinary way from who does not say its length, and an empty one is empty', async () => {
    let count = 0;
    const port = await listen(
      createServer(certificate, ({ url }, response) => {
        count += 1;
        if (url === '/empty') response.writeHead(404, { 'content-length': '0' }).end();
        else response.writeHead(200).end('in chunks');
      }),
    );
    const ask = (path: string) => openDownload(path, { isAppliance: true, isReused: true, signal: never }, parts(port));
    expect(Buffer.concat(await all((await ask('/x')).body)).toString()).toBe('in chunks');
    expect(count).toBe(2);
    const empty = await ask('/empty');
    expect([empty.status, await all(empty.body), count]).toEqual([404, [], 3]);
  });

  it('whose pieces are reused breaks off when it is given up, and shows nobody else the token', async () => {
    const port = await listen(
      createServer(certificate, (_request, response) => response.writeHead(200, { 'content-length': '9' }).write('x')),
    );
    const giveUp = new AbortController();
    const options = { isAppliance: true, isReused: true, signal: giveUp.signal };
    const { body } = await openDownload('/x', options, parts(port));
    const reading = all(body);
    giveUp.abort();
    await expect(reading).rejects.toThrow('the agent ends');
    const stranger = new PinnedAgent('00'.repeat(32));
    closers.push(() => stranger.destroy());
    const wrong = openDownload('/x', { isAppliance: true, isReused: true, signal: never }, { ...parts(port), agent: stranger });
    await expect(wrong).rejects.toMatchObject({ code: 'agent.unreachable', message: expect.stringContaining('certificate') as unknown });
  });

  it('never takes the token to another server', async () => {
    const seen: (string | undefined)[] = [];
    const other = createHttpServer(({ headers }, response) => {
      seen.push(headers.authorization);
      response.end();
    });
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    closers.push(() => other.close());
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}/image`; // a TCP server has no other kind
    const from = parts(1);
    await expect(openDownload(url, { isAppliance: true, signal: never }, from)).rejects.toThrow('it is not given the agent');
    const { body } = await openDownload(url, { isAppliance: false, signal: never }, from);
    await all(body);
    expect(seen).toEqual([undefined]);
  });

  it.each(['ftp://192.0.2.1/x', 'file:///etc/shadow', 'image.raw'])('of %s is refused', async (url) => {
    await expect(openDownload(url, { isAppliance: false, signal: never }, parts(1))).rejects.toThrow('no URL that can be fetched');
  });
});
