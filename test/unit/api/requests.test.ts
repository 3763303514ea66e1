import { describe, expect, it } from 'vitest';
import { createLogger } from '../../../src/api/index.ts';
import { loggableUrl } from '../../../src/api/logger.ts';
import { Secret } from '../../../src/lib/index.ts';
import { ADMIN, bodyOf, openApi } from './harness.ts';

describe('request ids', () => {
  it('are taken from the caller when harmless, and come back on every reply', async () => {
    const { get } = await openApi();
    expect((await get('/healthz', { 'x-request-id': 'abc-123.def_4' })).headers['x-request-id']).toBe('abc-123.def_4');
    expect((await get('/nowhere', { 'x-request-id': 'abc-123.def_4' })).headers['x-request-id']).toBe('abc-123.def_4');
    expect((await get('/api/%ZZ', { 'x-request-id': 'abc-123.def_4' })).headers['x-request-id']).toBe('abc-123.def_4');
  });

  it('are made anew where the caller’s could be more than a word', async () => {
    const { get } = await openApi();
    for (const given of ['short', 'has space inside', 'x'.repeat(65), '-starts-odd', 'new\tline-here', '$(reboot)']) {
      expect.soft((await get('/healthz', { 'x-request-id': given })).headers['x-request-id'], given).toMatch(/^[0-9a-f-]{36}$/);
    }
  });
});

describe('the log', () => {
  it('has a line for each change, with who asked', async () => {
    const { app, logged } = await openApi();
    await app.inject({ method: 'PUT', url: '/api/enrolment', headers: ADMIN, payload: { mode: 'open', minutes: 5 } });
    const line = logged.find((entry) => entry.msg === 'request');
    expect(line).toMatchObject({ level: 30, method: 'PUT', url: '/api/enrolment', status: 200, who: 'ada', peer: '127.0.0.1' });
  });

  it('never holds tokens', async () => {
    const { get, logged } = await openApi();
    await get('/api/nodes?token=canary-1&agent_token=canary-2', { authorization: 'Bearer canary-3', cookie: 'session=canary-4' });
    expect(logged.length).toBeGreaterThan(0);
    expect(JSON.stringify(logged)).not.toContain('canary');
  });

  it('masks secrets wherever a caller of the logger puts them', () => {
    const lines: string[] = [];
    const log = createLogger({ level: 'info', destination: { write: (line: string) => void lines.push(line) } });
    const canary = 'canary';
    log.info({ password: canary, req: { headers: { authorization: canary, cookie: canary, 'x-auth-token': canary } } }, 'one');
    log.info({ body: { secret: canary, token: canary }, key: new Secret(canary), 'set-cookie': canary }, 'two');
    log.child({ mac: 'aa' }).info({ agent: { agent_token: canary } }, 'three');
    expect(lines).toHaveLength(3);
    expect(lines.join('')).not.toContain(canary);
    expect(lines.join('')).toContain('***');
  });

  it('cuts secrets out of addresses and long addresses short', () => {
    expect(loggableUrl('/a?x=1&secret=abc&y=2')).toBe('/a?x=1&secret=***&y=2');
    expect(loggableUrl('/a?agent_token=abc')).toBe('/a?agent_token=***');
    expect(loggableUrl(`/${'a'.repeat(5000)}`)).toHaveLength(1024);
  });
});

describe('/metrics', () => {
  it('shows requests by route pattern, so that names and guesses make no new rows', async () => {
    const { get } = await openApi();
    await get('/api/nodes/one');
    await get('/api/nodes/two');
    await get('/guess/1');
    await get('/guess/2');
    const { body, headers } = await get('/metrics');
    expect(headers['content-type']).toContain('text/plain; version=0.0.4');
    expect(body).toContain('rackseed_http_request_duration_seconds_count{method="GET",route="/api/nodes/:id",status="404"} 2');
    expect(body).toContain('rackseed_http_request_duration_seconds_count{method="any",route="unknown",status="404"} 2');
    expect(body).not.toContain('guess');
    expect(body).toContain('rackseed_build_info{version="1.2.3"');
    expect(body).toContain('rackseed_tasks{state="queued"} 0');
    expect(body).toContain('rackseed_sse_clients 0');
  });

  it('leaves out what cannot be read, counts that, and shows the rest', async () => {
    const { get } = await openApi({
      services: (real) => ({ ...real, nodes: { ...real.nodes, countByState: () => Promise.reject(new Error('the store is gone')) } }),
    });
    const { body, statusCode } = await get('/metrics');
    expect(statusCode).toBe(200);
    expect(body).not.toMatch(/^rackseed_nodes\{/m);
    expect(body).toContain('rackseed_event_seq 0');
    expect((await get('/metrics')).body).toContain('rackseed_metrics_failures_total{metric="rackseed_nodes"} 1');
  });
});

describe('health', () => {
  it('is ready when every component is', async () => {
    const { app } = await openApi();
    const response = await app.inject('/readyz');
    expect(response.statusCode).toBe(200);
    expect(bodyOf(response)).toEqual({ ready: true, components: [{ name: 'store', ready: true }] });
  });

  it('is not ready when one is not; strangers are not told why, people with a token are', async () => {
    const { app, get } = await openApi({
      services: (real) => ({
        ...real,
        system: {
          ...real.system,
          readiness: () =>
            Promise.resolve([
              { name: 'store', isReady: false, reason: 'the disk is full' },
              { name: 'dhcp', isReady: true, reason: null },
            ]),
        },
      }),
    });
    const response = await app.inject('/readyz');
    expect(response.statusCode).toBe(503);
    expect(response.body).not.toContain('disk');
    expect(bodyOf(response)).toMatchObject({ ready: false });
    expect((await get('/api/status')).body).toContain('the disk is full');
    expect((await app.inject('/healthz')).statusCode).toBe(200);
  });

  it('tells how the appliance is set up and since when it runs', async () => {
    const { get, clock } = await openApi();
    await clock.advance(61_500);
    expect(bodyOf(await get('/api/status'))).toEqual({
      version: '1.2.3',
      startedAt: '2023-11-14T22:13:20.000Z',
      uptimeSeconds: 61,
      mode: 'proxy',
      observeOnly: false,
      enrolment: { mode: 'closed', until: null },
      components: [{ name: 'store', ready: true, reason: null }],
      warnings: [{ code: 'test.warning', message: 'look', hint: null }],
    });
  });
});
