// The agent's talk with a real server over TLS that restarts, resets, hangs and comes back at another time; and its downloads.

import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
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

async function listen(server: Server, port = 0): Promise<number> {
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
    expect(Buffer.concat(await body.toArray()).toString()).toBe('/api/agent/image Bearer bearer bytes=5-');
  });

  it('errors when it breaks off before its end', async () => {
    const server = createServer(certificate, ({ socket }, response) => {
      response.writeHead(200, { 'content-length': '100000' });
      response.write('x'.repeat(1000), () => socket.destroy());
    });
    const { body } = await openDownload('/x', { isAppliance: true, signal: never }, parts(await listen(server)));
    await expect(body.toArray()).rejects.toThrow();
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
    await body.toArray();
    expect(seen).toEqual([undefined]);
  });

  it.each(['ftp://192.0.2.1/x', 'file:///etc/shadow', 'image.raw'])('of %s is refused', async (url) => {
    await expect(openDownload(url, { isAppliance: false, signal: never }, parts(1))).rejects.toThrow('no URL that can be fetched');
  });
});
