// Addresses that Ironic answers beside its own.

import { describe, expect, it } from 'vitest';
import { ironicPath } from '../../../src/api/ironic/paths.ts';
import { versionBody } from '../../../src/api/ironic/root.ts';
import { MAX_MINOR } from '../../../src/api/ironic/version.ts';
import { ADMIN, openApi } from './harness.ts';

describe('addresses below / and /v1', () => {
  it.each([
    ['/nodes/n1', '/v1/nodes/n1'],
    ['/nodes/detail?instance_uuid=x', '/v1/nodes/detail?instance_uuid=x'],
    ['/drivers', '/v1/drivers'],
    ['/volume/targets/', '/v1/volume/targets/'],
    ['/v1/nodes/states/console/n1?x=1', '/v1/nodes/n1/states/console?x=1'],
    ['/v1/nodes/states', '/v1/nodes/states'],
    ['/v1/nodes/n1/states/power', '/v1/nodes/n1/states/power'],
    ['/nodesx/n1', '/nodesx/n1'],
    ['/api/nodes', '/api/nodes'],
    ['/', '/'],
  ])('%s means %s', (url, meant) => {
    expect(ironicPath(url, 'application/json')).toBe(meant);
  });

  it('leaves the pages of a browser alone', () => {
    expect(ironicPath('/nodes/n1', 'text/html,application/xhtml+xml,*/*;q=0.8')).toBe('/nodes/n1');
  });

  it('knows every resource that /v1 names', () => {
    const body = versionBody({ minor: MAX_MINOR, baseUrl: '' });
    const named = Object.keys(body).filter((key) => !['id', 'links', 'media_types', 'version'].includes(key));
    expect(named.length).toBeGreaterThan(12);
    for (const name of named) expect(ironicPath(`/${name}`, undefined)).toBe(`/v1/${name}`);
  });

  it('follows a bookmark link of a reply, with the same access and in the same shape', async () => {
    const { app } = await openApi();
    const found = await app.inject({ url: '/nodes/nothing', headers: ADMIN });
    expect(found.statusCode).toBe(404);
    expect(found.json()).toHaveProperty('error_message');
    const list = await app.inject({ url: '/nodes', headers: { ...ADMIN, 'x-openstack-ironic-api-version': '1.80' } });
    expect(list.json()).toEqual({ nodes: [] });
    expect((await app.inject({ url: '/nodes' })).statusCode).toBe(401);
  });
});
