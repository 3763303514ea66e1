import { describe, expect, it } from 'vitest';
import { containing } from '../../support/containing.ts';
import { ADMIN, bodyOf, openApi } from './harness.ts';

describe('access', () => {
  it('tells strangers nothing about addresses that do not exist', async () => {
    const { app } = await openApi();
    expect((await app.inject('/api/no/such/thing')).statusCode).toBe(401);
    expect((await app.inject('/v1/no/such/thing')).statusCode).toBe(401);
  });

  const strangers: readonly (readonly [string, Record<string, string>])[] = [
    ['no token', {}],
    ['a wrong token', { authorization: 'Bearer wrong' }],
    ['another scheme', { authorization: 'Basic YWRtaW4tdG9rZW4=' }],
    ['an empty token', { authorization: 'Bearer ' }],
    ['a token of 10,000 characters', { authorization: `Bearer ${'x'.repeat(10_000)}` }],
  ];

  it('answers 401 with the way to authenticate to whoever has no valid token', async () => {
    const { app } = await openApi();
    for (const [what, headers] of strangers) {
      const response = await app.inject({ url: '/api/nodes', headers });
      expect.soft(response.statusCode, what).toBe(401);
      expect.soft(response.headers['www-authenticate'], what).toBe('Bearer realm="rackseed"');
      expect.soft(bodyOf(response), what).toMatchObject({ code: 'api.unauthenticated', hint: containing('admin.token') });
    }
  });

  it('lets a role do what it may and no more', async () => {
    const { app } = await openApi();
    const put = (token: string) =>
      app.inject({ method: 'PUT', url: '/api/enrolment', headers: { authorization: `Bearer ${token}` }, payload: { mode: 'open' } });
    expect((await app.inject({ url: '/api/enrolment', headers: { authorization: 'Bearer reader-token' } })).statusCode).toBe(200);
    const refused = await put('reader-token');
    expect(refused.statusCode).toBe(403);
    expect(bodyOf(refused)).toMatchObject({ code: 'api.forbidden', detail: 'rita has the role reader; this endpoint needs operator' });
    expect((await put('operator-token')).statusCode).toBe(200);
    expect((await put('admin-token')).statusCode).toBe(200);
  });

  it('asks nobody when the mode is none', async () => {
    const { app } = await openApi({ config: { authMode: 'none' } });
    expect((await app.inject('/api/nodes')).statusCode).toBe(200);
    expect((await app.inject({ method: 'PUT', url: '/api/enrolment', payload: { mode: 'closed' } })).statusCode).toBe(200);
  });

  it('does not read the body of a stranger', async () => {
    const { app } = await openApi();
    const response = await app.inject({
      method: 'PUT',
      url: '/api/enrolment',
      headers: { 'content-type': 'application/json' },
      payload: '{',
    });
    expect(response.statusCode).toBe(401);
  });

  it('counts refusals', async () => {
    const { app, get } = await openApi();
    await app.inject('/api/nodes');
    await app.inject('/api/nodes');
    expect((await get('/metrics', ADMIN)).body).toContain('rackseed_http_auth_refusals_total 2');
  });
});
