// The agent's pin against real TLS servers on loopback, counting every byte that arrives above TLS.

import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Type } from 'typebox';
import { afterEach, describe, expect, it } from 'vitest';
import { createClient } from '../../src/agent/client.ts';
import { PinnedAgent } from '../../src/agent/pinned-agent.ts';
import { Secret } from '../../src/lib/secret.ts';
import { makeCertificate } from '../e2e/agent-stand-in.ts';

const question = {
  path: '/api/agent/lookup',
  body: { secret: 'once' },
  reply: Type.Object({ ok: Type.Boolean() }),
  token: new Secret('bearer'),
  timeoutMs: 10_000,
};
const never = new AbortController().signal;
const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function listen(server: Server | ReturnType<typeof createTlsServer>): Promise<URL> {
  closers.push(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`); // a TCP server has no other kind
}

describe('an agent that pins its appliance by fingerprint', { timeout: 30_000 }, () => {
  it('talks to the server with that certificate, over one connection', async () => {
    const { key, cert, fingerprint } = makeCertificate();
    const server = createServer({ key, cert }, (request, response) => {
      request.resume().once('end', () => response.end(JSON.stringify({ ok: request.headers.authorization === 'Bearer bearer' })));
    });
    let connections = 0;
    server.on('secureConnection', () => (connections += 1));
    const url = await listen(server);
    const agent = new PinnedAgent(fingerprint);
    closers.push(() => agent.destroy());
    const client = createClient(url, agent);
    expect(await client.post(question, never)).toEqual({ ok: true });
    expect(await client.post(question, never)).toEqual({ ok: true });
    expect(connections).toBe(1);
  });

  it('refuses any other certificate before a byte of the request is sent', async () => {
    const { key, cert } = makeCertificate();
    let received = 0;
    const ended = Promise.withResolvers<void>();
    const server = createTlsServer({ key, cert }, (socket) => {
      socket.on('data', (data: Buffer) => {
        received += data.length;
      });
      socket.on('error', () => undefined); // the agent hangs up on us, which is what is tested
    });
    // The TCP connection's end: the agent may be gone before our side of the handshake is done.
    server.on('connection', (socket: Socket) => void socket.once('close', () => ended.resolve()));
    const url = await listen(server);
    const client = createClient(url, new PinnedAgent(makeCertificate().fingerprint));
    await expect(client.post(question, never)).rejects.toMatchObject({ code: 'agent.certificate_mismatch', retryable: true });
    await ended.promise;
    expect(received).toBe(0);
  });

  it('says that nobody answers when nobody does', async () => {
    const server = createTlsServer({});
    const url = await listen(server);
    await new Promise<void>((resolve) => server.close(() => resolve()));
    const client = createClient(url, new PinnedAgent('ab'.repeat(32)));
    await expect(client.post(question, never)).rejects.toMatchObject({ code: 'agent.unreachable' });
  });

  it('takes no reply longer than its cap', async () => {
    const { key, cert, fingerprint } = makeCertificate();
    const url = await listen(
      createServer({ key, cert }, (request, response) => void request.resume().once('end', () => response.end('x'.repeat(300_000)))),
    );
    const agent = new PinnedAgent(fingerprint);
    closers.push(() => agent.destroy());
    await expect(createClient(url, agent).post(question, never)).rejects.toThrow(/its reply is longer than 262144 bytes/);
  });

  it('gives up a server that takes the connection and says nothing', async () => {
    const { key, cert, fingerprint } = makeCertificate();
    const url = await listen(createServer({ key, cert }, () => undefined));
    const agent = new PinnedAgent(fingerprint);
    closers.push(() => agent.destroy());
    await expect(createClient(url, agent).post({ ...question, timeoutMs: 300 }, never)).rejects.toMatchObject({
      code: 'agent.unreachable',
    });
  });
});
