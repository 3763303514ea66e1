// Every route × every role × strangers, generated from the routes themselves.

import type { HTTPMethods, RouteOptions } from 'fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import { accessRows } from '../../../src/api/access-table.ts';
import { type Access, buildApi, ROLES } from '../../../src/api/index.ts';
import { prepareApi } from './harness.ts';

interface Route {
  readonly method: HTTPMethods;
  readonly url: string;
  readonly access: Access | undefined;
}

async function open() {
  const { deps } = await prepareApi();
  const app = buildApi(deps);
  onTestFinished(() => app.close());
  const routes: Route[] = [];
  app.addHook('onRoute', (route: RouteOptions) => {
    for (const method of [route.method].flat())
      if (method !== 'HEAD') routes.push({ method, url: plain(route.url), access: route.config?.access });
  });
  await app.ready();
  return { app, routes };
}

/** `/v1/` and `/v1` are one. */
function plain(url: string): string {
  return url.length > 1 ? url.replace(/\/$/, '') : url;
}

/** Nothing is there that this names: whoever is let in gets an answer about that, not what they asked for. */
function called({ url }: Route): string {
  return url.replaceAll(/:[^/]+/g, '00000000-0000-4000-8000-000000000000').replaceAll('*', 'x');
}

describe('the table of who may call what', () => {
  it('has every route with the least role that the route itself declares, and no other', async () => {
    const { routes } = await open();
    const declared = new Map(routes.map(({ method, url, access }) => [`${method} ${url}`, access] as const));
    expect(Object.fromEntries(declared)).toEqual(Object.fromEntries(accessRows()));
    expect(routes.length).toBeGreaterThan(50);
  });

  it('is what happens: strangers get 401, lesser roles 403, and those of the role are let in', async () => {
    const { app, routes } = await open();
    const rows = routes.filter((route) => route.access !== 'public' && route.access !== 'agent');
    for (const route of rows) {
      const [method, url] = [route.method, called(route)];
      // Each method that injection takes: those of our own routes.
      const ask = async (role: string) => {
        const headers = role === 'nobody' ? {} : { authorization: `Bearer ${role}-token` };
        const response = await app.inject({ method: method as 'GET', url, headers, signal: AbortSignal.timeout(20_000) });
        return isRefusedForRole(response.statusCode, response.body) ? 'refused' : response.statusCode === 401 ? 'stranger' : 'in';
      };
      if (route.url === '/api/events') continue; // an endless stream: its guard is the same hook, and events.test.ts asks it
      const said = await Promise.all(['nobody', 'wrong', ...ROLES].map(ask));
      const least = ROLES.map(String).indexOf(String(route.access));
      expect
        .soft([route.method, route.url, ...said])
        .toEqual([route.method, route.url, 'stranger', 'stranger', ...ROLES.map((_, index) => (index < least ? 'refused' : 'in'))]);
    }
  });

  it('lets agents call what is theirs, where a token of a person is worth nothing', async () => {
    const { routes } = await open();
    for (const { url } of routes.filter((route) => route.access === 'agent')) {
      expect
        .soft(url)
        .toMatch(/^\/api\/agent\/|^\/install\/|^\/api2\/json\/auto-install\/|^\/v1\/(?:lookup|heartbeat|continue_inspection)(?:\/|$)/);
    }
  });

  it('refuses to start with a route that does not say who may call it', async () => {
    const { deps } = await prepareApi();
    const app = buildApi(deps);
    app.register(async (scope) => {
      scope.get('/api/forgotten', async () => 'secret');
    });
    await expect(app.ready()).rejects.toThrow('route GET /api/forgotten does not declare config.access');
  });
});

function isRefusedForRole(status: number, body: string): boolean {
  return status === 403 && body.includes('this endpoint needs');
}
