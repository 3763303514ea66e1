// Uploads in parts: each where the last one ended, none beyond what was announced, and an end for those left alone.

import { mkdtemp, readdir, readFile, rm, truncate, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createUploads } from '../../../../src/install/installers/uploads.ts';
import { systemClock, systemRandom } from '../../../../src/lib/index.ts';
import { containing } from '../../../support/containing.ts';

const GIB = 1024 ** 3;
const NEW = { name: 'a.iso', bytes: 10, sha256: null };

async function make(free = 100 * GIB) {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-uploads-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const options = { directory, clock: systemClock, random: systemRandom, free: () => Promise.resolve(free) };
  return { directory, options, uploads: createUploads(options) };
}

async function* parts(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield await Promise.resolve(Buffer.from(text));
}

async function* breaking(text: string): AsyncGenerator<Buffer> {
  yield await Promise.resolve(Buffer.from(text));
  throw new Error('aborted');
}

describe('an upload', () => {
  it('grows by parts, also after a restart, and is what was sent', async () => {
    const { uploads, options } = await make();
    const { id, path } = await uploads.create(NEW);
    expect((await uploads.append(id, 0, parts('abc', 'd'))).offset).toBe(4);
    expect((await createUploads(options).append(id, 4, parts('efghij'))).offset).toBe(10);
    expect(await readFile(path, 'utf8')).toBe('abcdefghij');
  });

  it('keeps what came before the connection broke', async () => {
    const { uploads } = await make();
    const { id } = await uploads.create(NEW);
    await expect(uploads.append(id, 0, breaking('abc'))).rejects.toThrow('aborted');
    expect((await uploads.get(id)).offset).toBe(3);
  });

  it('takes a part only where it ends, and says where that is', async () => {
    const { uploads } = await make();
    const { id } = await uploads.create(NEW);
    await uploads.append(id, 0, parts('abcd'));
    for (const offset of [0, 3, 5])
      await expect(uploads.append(id, offset, parts('x'))).rejects.toMatchObject({ code: 'install.upload_offset', detail: { offset: 4 } });
  });

  it('takes one part at a time: of two that come together one is refused', async () => {
    const { uploads } = await make();
    const { id, path } = await uploads.create(NEW);
    const both = await Promise.allSettled([uploads.append(id, 0, parts('abcde')), uploads.append(id, 0, parts('vwxyz'))]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(['abcde', 'vwxyz']).toContain(await readFile(path, 'utf8'));
  });

  it('never becomes larger than was announced', async () => {
    const { uploads } = await make();
    const { id } = await uploads.create(NEW);
    await expect(uploads.append(id, 0, parts('0123456789', 'x'))).rejects.toMatchObject({
      code: 'install.upload_refused',
      message: containing('10 bytes'),
    });
    expect((await uploads.get(id)).offset).toBe(10);
  });

  it('is refused with the numbers where there is no room, and when too many are open', async () => {
    const { uploads } = await make(GIB);
    await expect(uploads.create({ ...NEW, bytes: GIB })).rejects.toMatchObject({
      code: 'install.no_space',
      message: containing('1024 MiB free'),
    });
    for (let count = 0; count < 8; count += 1) await uploads.create(NEW);
    await expect(uploads.create(NEW)).rejects.toMatchObject({ code: 'install.upload_refused', message: containing('8 uploads') });
  });

  it('that is not there, or has a name that leads elsewhere, is none', async () => {
    const { uploads, directory } = await make();
    for (const id of ['0'.repeat(32), '../../etc/passwd', '']) {
      await expect(uploads.get(id)).rejects.toMatchObject({ code: 'install.no_upload' });
      await uploads.remove(id);
    }
    const { id } = await uploads.create(NEW);
    await truncate(join(directory, `${id}.json`), 5);
    await expect(uploads.get(id)).rejects.toMatchObject({ code: 'install.no_upload' });
  });

  it('that nobody goes on with for a day is removed, unless an import wants it', async () => {
    const { uploads, directory } = await make();
    const [old, wanted, young] = [await uploads.create(NEW), await uploads.create(NEW), await uploads.create(NEW)];
    const yesterday = new Date(systemClock.now() - 25 * 3600_000);
    for (const { id } of [old, wanted])
      for (const end of ['part', 'json']) await utimes(join(directory, `${id}.${end}`), yesterday, yesterday);
    await uploads.sweep((id) => Promise.resolve(id === wanted.id));
    expect((await readdir(directory)).toSorted()).toEqual([wanted, young].flatMap(({ id }) => [`${id}.json`, `${id}.part`]).toSorted());
  });
});
