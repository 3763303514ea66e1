// What is fetched from URLs that people give, by real connections: never the appliance itself unless it is named, whatever a name server
// says and wherever a server leads.

import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createGuardedFetch, type Fetch, type Fetched, fetchFollowing, NotFetched } from '../../src/install/guarded-fetch.ts';
import { containing } from '../support/containing.ts';

const asked: string[] = [];

async function serve(answer: RequestListener = (_request, response) => void response.end('bytes')): Promise<number> {
  asked.length = 0;
  const server = createServer((request, response) => {
    asked.push(`${request.headers.host} ${request.url}`);
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // it listens on a port
  return port;
}

/** A name server that says another address each time it is asked, the last one for ever. */
function names(...addresses: string[]): { readonly lookup: LookupFunction; readonly looked: string[] } {
  const looked: string[] = [];
  const lookup: LookupFunction = (name, options, callback) => {
    const address = addresses[Math.min(looked.length, addresses.length - 1)] ?? '';
    looked.push(name);
    const family = address.includes(':') ? 6 : 4;
    if (options.all === true) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
  return { lookup, looked };
}

const signal = (): AbortSignal => AbortSignal.timeout(20_000);

async function textOf({ body }: Fetched): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of body ?? []) parts.push(part);
  return Buffer.concat(parts).toString();
}

const get = (fetch: Fetch, url: string): Promise<Fetched> => fetchFollowing(fetch, url, { signal: signal() });

describe('a URL that somebody gives', () => {
  it.each(['127.0.0.1', 'localhost', '[::1]', '2130706433', '0x7f.1', '0.0.0.0', '169.254.169.254', '[::ffff:127.0.0.1]'])(
    'is not fetched from %s, and the refusal says how it can be',
    async (host) => {
      const port = await serve();
      const refused = get(createGuardedFetch({ allowed: [] }), `http://${host}:${port}/x.iso`);
      await expect(refused).rejects.toThrow(NotFetched);
      await expect(refused).rejects.toMatchObject({ hint: containing('[install] fetch_hosts') });
      expect(asked).toEqual([]);
    },
  );

  it('is fetched from a host that the configuration names, and from no other that has the same address', async () => {
    const port = await serve();
    const { lookup } = names('127.0.0.1');
    const fetch = createGuardedFetch({ allowed: ['Mirror.test', '127.0.0.1'], lookup });
    expect(await textOf(await get(fetch, `http://mirror.test:${port}/x.iso`))).toBe('bytes');
    expect(await textOf(await get(fetch, `http://127.0.0.1:${port}/x.iso`))).toBe('bytes');
    await expect(get(fetch, `http://other.test:${port}/x.iso`)).rejects.toMatchObject({
      message: containing('other.test has the address 127.0.0.1'),
      hint: containing('"other.test"'),
    });
    expect(asked).toEqual([`mirror.test:${port} /x.iso`, `127.0.0.1:${port} /x.iso`]);
  });

  it('is connected to at the address that was judged: a name that changes gains nothing', async () => {
    const port = await serve((_request, response) => void response.writeHead(200, { connection: 'close' }).end('bytes'));
    const { lookup, looked } = names('127.0.0.1', '127.0.0.9');
    const why = (address: string): string | undefined => (address === '127.0.0.1' ? undefined : 'is closed');
    const fetch = createGuardedFetch({ allowed: [], lookup, why });
    expect(await textOf(await get(fetch, `http://rebinding.test:${port}/x.iso`))).toBe('bytes');
    expect(looked).toEqual(['rebinding.test']);
    await expect(get(fetch, `http://rebinding.test:${port}/x.iso`)).rejects.toMatchObject({
      message: containing('127.0.0.9, which is closed'),
    });
    expect(looked.length).toBe(2);
  });

  it('is not followed to the appliance itself, by name or by address', async () => {
    const { lookup } = names('127.0.0.1');
    for (const target of ['http://127.0.0.1:8080/secret', 'http://other.test:8080/secret', 'http://[::1]:8080/secret']) {
      const port = await serve((_request, response) => void response.writeHead(302, { location: target }).end());
      const fetch = createGuardedFetch({ allowed: ['mirror.test'], lookup });
      await expect(get(fetch, `http://mirror.test:${port}/x.iso`), target).rejects.toThrow(NotFetched);
      expect(asked).toEqual([`mirror.test:${port} /x.iso`]);
    }
  });

  it('is followed a few times only, and to nothing but HTTP', async () => {
    const { lookup } = names('127.0.0.1');
    const fetch = createGuardedFetch({ allowed: ['mirror.test'], lookup });
    const round = await serve((_request, response) => void response.writeHead(307, { location: '/again' }).end());
    await expect(get(fetch, `http://mirror.test:${round}/x.iso`)).rejects.toMatchObject({ message: containing('more than 5 times') });
    expect(asked.length).toBe(6);
    const file = await serve((_request, response) => void response.writeHead(302, { location: 'file:///etc/passwd' }).end());
    await expect(get(fetch, `http://mirror.test:${file}/x.iso`)).rejects.toMatchObject({ message: containing('file:') });
  });

  it('is never followed from a protected place to one that is not', async () => {
    const seen: string[] = [];
    const fetch: Fetch = (url) => {
      seen.push(url);
      return Promise.resolve({ status: 302, headers: { get: () => 'http://mirror.test/x.iso' }, body: null });
    };
    await expect(get(fetch, 'https://mirror.test/x.iso')).rejects.toMatchObject({ message: containing('not protected by TLS') });
    expect(seen).toEqual(['https://mirror.test/x.iso']);
  });
});
