// HTTP basic on /v1, as Ironic's http_basic answers.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bodyOf, openApi } from './harness.ts';

/** A line that Ironic's own tests use: myPassword. */
const LINE = 'myName:$2y$05$lE3eGtyj41jZwrzS87KTqe6.JETVCWBkc32C63UP2aYrGoYOEpbJm';
const RIGHT = { authorization: 'Basic bXlOYW1lOm15UGFzc3dvcmQ=' };

function basic(text: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(text).toString('base64')}` };
}

async function open(users: readonly { name: string; role: 'reader' | 'member' | 'operator' | 'admin'; project?: string }[] = []) {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-basic-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, 'htpasswd');
  await writeFile(path, `${LINE}\n\n`);
  return openApi({ config: { authMode: 'basic' }, basic: { path, role: 'admin', users } });
}

describe('HTTP basic', () => {
  it('lets a user of the file into /v1, off the event loop', async () => {
    const { get } = await open();
    expect((await get('/v1/nodes', RIGHT)).statusCode).toBe(200);
    expect((await get('/v1/nodes', { authorization: RIGHT.authorization.replace('Basic', 'basic') })).statusCode).toBe(200);
  });

  it('answers strangers as Ironic does', async () => {
    const { get } = await open();
    const rows = [
      [{}, 'Authorization required'],
      [basic('myName:wrong'), 'Incorrect username or password'],
      [basic('nobody:myPassword'), 'Incorrect username or password'],
      [{ authorization: 'Bearer wrong' }, 'Incorrect username or password'],
    ] as const;
    for (const [headers, message] of rows) {
      const response = await get('/v1/nodes', headers);
      expect.soft(response.statusCode).toBe(401);
      expect.soft(response.headers['www-authenticate']).toBe('Basic realm="Baremetal API"');
      expect.soft(bodyOf(response)).toEqual({ error: { message, code: 401 } });
    }
  });

  it('answers 400 to what is no name and password', async () => {
    const { get } = await open();
    for (const authorization of ['Basic !!!', 'Basic bm9jb2xvbg==']) {
      const response = await get('/v1/nodes', { authorization });
      expect.soft([response.statusCode, response.body]).toEqual([400, expect.stringContaining('Could not decode authorization token')]);
    }
  });

  it('leaves open what Ironic leaves open', async () => {
    const { get } = await open();
    for (const url of ['/', '/v1', '/v1/']) expect.soft((await get(url, {})).statusCode, url).toBe(200);
  });

  it('takes bearer tokens as well, and is for /v1 only', async () => {
    const { get } = await open();
    expect((await get('/v1/nodes')).statusCode).toBe(200);
    const native = await get('/api/nodes', RIGHT);
    expect([native.statusCode, native.headers['www-authenticate']]).toEqual([401, 'Bearer realm="rackseed"']);
  });

  it('takes a token as OpenStack’s clients send it, on /v1 only', async () => {
    const { get } = await open();
    expect((await get('/v1/nodes', { 'x-auth-token': 'reader-token' })).statusCode).toBe(200);
    expect((await get('/v1/nodes', { 'x-auth-token': 'wrong' })).statusCode).toBe(401);
    expect((await get('/api/nodes', { 'x-auth-token': 'reader-token' })).statusCode).toBe(401);
  });

  it('gives each user the role that the config says', async () => {
    const { app } = await open([{ name: 'myName', role: 'reader' }]);
    const put = await app.inject({ method: 'PUT', url: '/v1/nodes/x/states/power', headers: RIGHT, payload: { target: 'power on' } });
    expect(put.statusCode).toBe(403);
  });

  it('is not taken in the other modes', async () => {
    const { get } = await openApi();
    const response = await get('/v1/nodes', RIGHT);
    expect([response.statusCode, response.headers['www-authenticate']]).toEqual([401, 'Bearer realm="rackseed"']);
  });
});
