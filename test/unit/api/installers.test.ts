// /api/installers by HTTP: uploads in parts with their offsets, who may what, and what is refused before anything is begun.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createInstallers } from '../../../src/install/index.ts';
import { systemClock, systemRandom } from '../../../src/lib/index.ts';
import { openTestStore } from '../../support/store.ts';
import { ADMIN, openApi } from './harness.ts';

const PART = 'application/offset+octet-stream';

async function open() {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-api-installers-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const { installers } = createInstallers({
    directory,
    store: await openTestStore(),
    clock: systemClock,
    random: systemRandom,
    run: () => Promise.reject(new Error('nothing is run in these tests')),
    fetch: () => Promise.reject(new Error('nobody fetches in these tests')),
    holder: 'one',
  });
  const { app } = await openApi({ services: (real) => ({ ...real, installers }) });
  const begin = async (bytes: number) => {
    const reply = await app.inject({ method: 'POST', url: '/api/installers/uploads', headers: ADMIN, payload: { name: 'a.iso', bytes } });
    expect(reply.statusCode).toBe(201);
    return reply.json<{ id: string }>().id;
  };
  const part = (id: string, offset: string, payload: string, type = PART) =>
    app.inject({
      method: 'PATCH',
      url: `/api/installers/uploads/${id}`,
      headers: { ...ADMIN, 'content-type': type, 'upload-offset': offset },
      payload,
    });
  return { app, begin, part };
}

describe('an upload by HTTP', () => {
  it('tells by HEAD, GET and each part how much is there', async () => {
    const { app, begin, part } = await open();
    const id = await begin(10);
    const first = await part(id, '0', 'abcd');
    expect([first.statusCode, first.headers['upload-offset'], first.json()]).toEqual([
      200,
      '4',
      { id, name: 'a.iso', bytes: 10, offset: 4, partMaxBytes: 64 * 1024 ** 2 },
    ]);
    const head = await app.inject({ method: 'HEAD', url: `/api/installers/uploads/${id}`, headers: ADMIN });
    expect([head.statusCode, Number(head.headers['upload-offset']), head.headers['cache-control']]).toEqual([200, 4, 'no-store']);
  });

  it('answers a part in the wrong place with 409 and where to go on', async () => {
    const { begin, part } = await open();
    const id = await begin(10);
    await part(id, '0', 'abcd');
    const wrong = await part(id, '2', 'cd');
    expect([wrong.statusCode, Number(wrong.headers['upload-offset'])]).toEqual([409, 4]);
    expect(wrong.json()).toMatchObject({ code: 'install.upload_offset', data: { offset: 4 } });
  });

  it.each([
    ['-1', PART, 400],
    ['x', PART, 400],
    ['', PART, 400],
    ['0', 'application/json', 400],
    ['0', 'application/octet-stream', 415],
  ])('refuses the offset %j with the content type %s', async (offset, type, status) => {
    const { begin, part } = await open();
    expect((await part(await begin(10), offset, 'abcd', type)).statusCode).toBe(status);
  });

  it('takes parts that are larger than other bodies may be', async () => {
    const { begin, part } = await open();
    const reply = await part(await begin(300_000), '0', 'x'.repeat(300_000));
    expect(reply.json()).toMatchObject({ offset: 300_000 });
  });

  it('is for operators: readers see how far it is, and no more', async () => {
    const { app, begin } = await open();
    const id = await begin(10);
    const as = (method: 'GET' | 'PATCH' | 'DELETE') =>
      app.inject({
        method,
        url: `/api/installers/uploads/${id}`,
        headers: { authorization: 'Bearer reader-token', 'content-type': PART, 'upload-offset': '0' },
        ...(method === 'PATCH' ? { payload: 'abcd' } : {}),
      });
    expect([(await as('GET')).statusCode, (await as('PATCH')).statusCode, (await as('DELETE')).statusCode]).toEqual([200, 403, 403]);
  });
});

describe('an import by HTTP', () => {
  it.each([
    [{}, 'api.validation'],
    [{ path: '/a', url: 'http://x/y' }, 'api.validation'],
    [{ path: 'a.iso' }, 'install.bad_installer_source'],
    [{ path: '/a.iso', name: '../x' }, 'install.bad_installer_source'],
    [{ url: 'ftp://x/y', sha256: 'a'.repeat(64) }, 'install.bad_installer_source'],
    [{ url: 'http://me:secret@x/y', sha256: 'a'.repeat(64) }, 'install.bad_installer_source'],
    [{ url: 'http://x/y' }, 'install.bad_installer_source'],
    [{ path: '/a.iso', sha256: 'nothing' }, 'api.validation'],
    [{ upload: 'f'.repeat(32) }, 'install.no_upload'],
    [{ path: '/nowhere/a.iso' }, 'install.bad_installer_source'],
    [{ path: '/dev/null' }, 'install.not_an_installer'],
  ])('is refused before a task is made: %j', async (payload, code) => {
    const { app } = await open();
    const reply = await app.inject({ method: 'POST', url: '/api/installers', headers: ADMIN, payload });
    expect(reply.json()).toMatchObject({ code });
    expect(reply.body).not.toContain('secret@');
  });
});
