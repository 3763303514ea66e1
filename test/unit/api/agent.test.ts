import { describe, expect, it } from 'vitest';
import { createRateLimiter } from '../../../src/api/rate-limit.ts';
import type { LookupRequest } from '../../../src/inspect/index.ts';
import { containing } from '../../support/containing.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { bodyOf, openApi } from './harness.ts';

const LOOKUP: LookupRequest = {
  secret: 's'.repeat(43),
  claim: 'c'.repeat(43),
  macs: ['52:54:00:00:00:01'],
  smbiosUuid: null,
  agentVersion: '1',
};

describe('the agent’s endpoints', () => {
  it('hand the request to the inspect domain, with the token and where it comes from', async () => {
    const calls: unknown[] = [];
    const { app } = await openApi({
      services: (real) => ({
        ...real,
        inspect: {
          lookup: (request, peer) => {
            calls.push([request, peer]);
            return Promise.resolve({ token: 't'.repeat(43), heartbeatSeconds: 30, node: null });
          },
          receiveInventory: () => Promise.reject(new Error('not called')),
          nodeOfToken: () => Promise.reject(new Error('not called')),
          releaseHeld: () => Promise.resolve(),
          heartbeat: (token, request) => {
            calls.push([token, request]);
            return Promise.resolve({ waitSeconds: 5, command: { id: '1', name: 'reboot', arguments: { when: 'now' } } });
          },
        },
      }),
    });
    const lookup = await app.inject({ method: 'POST', url: '/api/agent/lookup', payload: LOOKUP });
    expect(bodyOf(lookup)).toEqual({ token: 't'.repeat(43), heartbeatSeconds: 30, node: null });
    const beat = { uptimeSeconds: 1, agentVersion: '1', answers: [] };
    const heartbeat = await app.inject({
      method: 'POST',
      url: '/api/agent/heartbeat',
      headers: { authorization: 'Bearer agent-token' },
      payload: beat,
    });
    expect(bodyOf(heartbeat)).toEqual({ waitSeconds: 5, command: { id: '1', name: 'reboot', arguments: { when: 'now' } } });
    expect(calls).toEqual([
      [LOOKUP, '127.0.0.1'],
      ['agent-token', beat],
    ]);
  });

  it('refuse a secret that was never given out, and a heartbeat without or with a wrong token', async () => {
    const { app } = await openApi();
    const lookup = await app.inject({ method: 'POST', url: '/api/agent/lookup', payload: LOOKUP });
    expect(lookup.statusCode).toBeGreaterThanOrEqual(400);
    expect(bodyOf(lookup).code).toMatch(/^inspect\./);
    const beat = (headers: Record<string, string>) =>
      app.inject({ method: 'POST', url: '/api/agent/heartbeat', headers, payload: { uptimeSeconds: 1, agentVersion: '1', answers: [] } });
    expect(bodyOf(await beat({}))).toMatchObject({ status: 401, code: 'api.unauthenticated' });
    const wrong = await beat({ authorization: `Bearer ${'x'.repeat(43)}` });
    expect(wrong.statusCode).toBeGreaterThanOrEqual(400);
    expect(bodyOf(wrong).code).toMatch(/^inspect\./);
  });

  it('do not take the admin’s token for an agent’s', async () => {
    const { app } = await openApi();
    const response = await app.inject({
      method: 'POST',
      url: '/api/agent/heartbeat',
      headers: { authorization: 'Bearer admin-token' },
      payload: { uptimeSeconds: 1, agentVersion: '1', answers: [] },
    });
    expect(bodyOf(response).code).toMatch(/^inspect\./);
  });

  it('name the field that is wrong', async () => {
    const { app } = await openApi();
    const post = async (payload: object) => bodyOf(await app.inject({ method: 'POST', url: '/api/agent/lookup', payload }));
    expect(await post({ ...LOOKUP, macs: ['elephant'] })).toMatchObject({ status: 400, detail: containing('body.macs.0') });
    expect(await post({ ...LOOKUP, macs: [] })).toMatchObject({ status: 400, detail: containing('body.macs') });
    expect(await post({ ...LOOKUP, colour: 'red' })).toMatchObject({ status: 400, detail: 'body has no field "colour"' });
  });

  it('slow down an address that asks too often, and say for how long', async () => {
    const { app, clock } = await openApi({ config: { limits: { agentBurst: 3, agentPerSecond: 0.5 } } });
    const post = () => app.inject({ method: 'POST', url: '/api/agent/lookup', payload: {} });
    for (let i = 0; i < 3; i += 1) expect((await post()).statusCode).toBe(400);
    const refused = await post();
    expect(refused.statusCode).toBe(429);
    expect(refused.headers['retry-after']).toBe('2');
    expect(bodyOf(refused)).toMatchObject({ code: 'api.rate_limited', retryable: true });
    await clock.advance(2000);
    expect((await post()).statusCode).toBe(400);
  });
});

describe('the rate limiter', () => {
  it('keeps addresses apart and fills up to the burst again', async () => {
    const clock = createFakeClock();
    const limiter = createRateLimiter({ burst: 2, perSecond: 1, maxAddresses: 10 }, clock);
    expect([limiter.take('a'), limiter.take('a'), limiter.take('a'), limiter.take('b')]).toEqual([undefined, undefined, 1, undefined]);
    await clock.advance(3_600_000);
    expect([limiter.take('a'), limiter.take('a'), limiter.take('a')]).toEqual([undefined, undefined, 1]);
  });

  it('forgets the address seen longest ago when there are too many', () => {
    const limiter = createRateLimiter({ burst: 1, perSecond: 1, maxAddresses: 3 }, createFakeClock());
    for (const address of ['a', 'b', 'c']) limiter.take(address);
    expect(limiter.take('a')).toBe(1);
    limiter.take('d'); // b goes: a was seen again
    expect(limiter.take('a')).toBe(1);
    expect(limiter.take('b')).toBeUndefined();
  });
});
