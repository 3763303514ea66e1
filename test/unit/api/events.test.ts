import type { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ADMIN, addNode, bodyOf, type Harness, openApi } from './harness.ts';

const STREAM = { ...ADMIN, accept: 'text/event-stream' };

async function append({ store }: Harness, type: string): Promise<number> {
  return store.transaction((tx) => store.events.append(tx, { type, message: type }));
}

/** Opens a stream and collects what it says. */
async function listen({ app }: Harness, url = '/api/events', headers: Record<string, string> = {}) {
  const response = await app.inject({ url, headers: { ...STREAM, ...headers }, payloadAsStream: true });
  const stream: Readable = response.stream();
  let text = '';
  let onText = (): void => undefined;
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    onText();
  });
  const ended = new Promise<void>((resolve) => {
    stream.once('close', resolve);
    stream.once('end', resolve);
  });
  return {
    response,
    stream,
    ended,
    text: () => text,
    ids: () => [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1])),
    /** Resolves when the text holds `wanted`. */
    hears: async (wanted: string) => {
      while (!text.includes(wanted)) {
        await new Promise<void>((resolve) => {
          onText = resolve;
        });
      }
    },
  };
}

describe('GET /api/events', () => {
  it('lists the log, oldest first, from where it is asked', async () => {
    const api = await openApi();
    const node = await addNode(api, 'one');
    await append(api, 'test.one');
    await append(api, 'test.two');
    const seqs = async (url: string) => {
      const { events, lastSeq } = bodyOf(await api.get(url));
      return { lastSeq, types: Array.isArray(events) ? events.map((event: { type: string }) => event.type) : events };
    };
    expect(await seqs('/api/events')).toEqual({ lastSeq: 3, types: ['node.created', 'test.one', 'test.two'] });
    expect(await seqs('/api/events?after=1&limit=1')).toEqual({ lastSeq: 3, types: ['test.one'] });
    expect(await seqs('/api/events?type=test.two')).toEqual({ lastSeq: 3, types: ['test.two'] });
    expect(await seqs(`/api/events?node=${node.uuid}`)).toEqual({ lastSeq: 3, types: ['node.created'] });
    expect(await seqs('/api/events?node=one')).toEqual({ lastSeq: 3, types: ['node.created'] });
    expect((await api.get('/api/events?node=nobody')).statusCode).toBe(404);
  });
});

describe('the event stream', () => {
  it('begins with what comes next and says each event as it is committed', async () => {
    const api = await openApi();
    await append(api, 'test.before');
    const client = await listen(api);
    expect(client.response.headers).toMatchObject({ 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' });
    expect(client.response.headers['x-request-id']).toBeDefined();
    await client.hears('retry: 2000\n: from 1\n\n');
    await append(api, 'test.after');
    await client.hears('"type":"test.after"');
    expect(client.ids()).toEqual([2]);
  });

  it('resumes behind Last-Event-ID, which counts more than ?after', async () => {
    const api = await openApi();
    for (let i = 1; i <= 5; i += 1) await append(api, `test.${i}`);
    const client = await listen(api, '/api/events?after=1', { 'last-event-id': '3' });
    await client.hears('test.5');
    expect(client.ids()).toEqual([4, 5]);
    const other = await listen(api, '/api/events?after=4');
    await other.hears('test.5');
    expect(other.ids()).toEqual([5]);
  });

  it('goes on from the end when the client has seen numbers that were never given out', async () => {
    const api = await openApi();
    await append(api, 'test.1');
    const client = await listen(api, '/api/events', { 'last-event-id': '999' });
    await client.hears('the log ends at 1: going on from there');
    await append(api, 'test.2');
    await client.hears('test.2');
    expect(client.ids()).toEqual([2]);
  });

  it('filters by node and type', async () => {
    const api = await openApi();
    const node = await addNode(api, 'one');
    const client = await listen(api, '/api/events?after=0&node=one&type=node.created');
    await append(api, 'test.other');
    await client.hears(node.uuid);
    await api.clock.advance(15_000);
    await client.hears(': heartbeat');
    expect(client.ids()).toEqual([1]);
  });

  it('is refused when as many are open as may be', async () => {
    const api = await openApi({ config: { limits: { sseClients: 2 } } });
    await listen(api);
    await listen(api);
    expect((await api.get('/metrics')).body).toContain('rackseed_sse_clients 2');
    const refused = await api.get('/api/events', STREAM);
    expect(refused.statusCode).toBe(503);
    expect(refused.headers['retry-after']).toBe('10');
    expect(bodyOf(refused)).toMatchObject({ code: 'api.too_many_streams' });
  });

  it('ends with a word when the appliance stops', async () => {
    const api = await openApi();
    const client = await listen(api);
    await client.hears(': from');
    const closed = api.app.close();
    await client.ended;
    await closed;
    expect(client.text()).toContain(': the appliance is stopping; come back with Last-Event-ID\n\n');
  });

  it('ends with a word, and a line in the log, when the store cannot be read', async () => {
    let isBroken = false;
    const api = await openApi({
      services: (real) => ({
        ...real,
        events: {
          lastSeq: () => real.events.lastSeq(),
          subscribe: (wake) => real.events.subscribe(wake),
          list: (query) => (isBroken ? Promise.reject(new Error('the disk is gone')) : real.events.list(query)),
        },
      }),
    });
    const client = await listen(api);
    await client.hears(': from');
    isBroken = true;
    await append(api, 'test.1');
    await client.ended;
    expect(client.text()).toContain(': the event log cannot be read now');
    expect(api.logged.some((line) => line.error === 'the disk is gone')).toBe(true);
  });
});
