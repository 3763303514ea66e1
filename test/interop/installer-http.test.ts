// How the stand-in trusts a server: by the fingerprint of its certificate alone when it has one, by its store when it has none.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certificateFor, type TlsPair } from '../conformance/power/tls-pair.ts';
import { ask } from '../sim/installer/run/http.ts';

let server: Server;
let directory: string;
let pair: TlsPair;
let port: number;
let requests = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rackseed-installer-http-'));
  pair = await certificateFor('localhost');
  server = createServer(pair, (incoming, outgoing) => {
    requests += 1;
    incoming
      .resume()
      .on('end', () =>
        outgoing.writeHead(201, { 'content-type': 'application/toml' }).end(JSON.stringify([incoming.method, incoming.headers['x-one']])),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo); // a TCP server has such an address
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(directory, { recursive: true });
});

describe('a request', () => {
  it('goes to a server whose certificate has the fingerprint, whatever else is wrong with it', async () => {
    const url = `https://127.0.0.1:${port}/x`;
    const response = await ask({ method: 'POST', url, fingerprint: pair.fingerprint, headers: { 'x-one': '1' }, body: 'body' });
    expect({ ...response, body: response.body.toString() }).toEqual({ status: 201, contentType: 'application/toml', body: '["POST","1"]' });
  });

  it('is not made where the certificate has another fingerprint, or nobody whom it trusts has signed it', async () => {
    const before = requests;
    const url = `https://localhost:${port}/x`;
    await expect(ask({ method: 'POST', url, fingerprint: 'ab'.repeat(32), body: 'secret' })).rejects.toThrow('another fingerprint');
    await expect(ask({ method: 'POST', url, fingerprint: null, body: 'secret' })).rejects.toThrow('self-signed');
    expect(requests).toBe(before);
  });

  it('goes by the store without a fingerprint', async () => {
    const store = join(directory, 'store.pem');
    await writeFile(store, pair.cert);
    await expect(ask({ method: 'GET', url: `https://localhost:${port}/x`, fingerprint: null, store })).resolves.toMatchObject({
      status: 201,
    });
  });
});
