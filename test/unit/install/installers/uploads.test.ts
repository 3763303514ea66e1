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

async function make(free: number | (() => number) = 100 * GIB) {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-uploads-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const options = {
    directory,
    clock: systemClock,
    random: systemRandom,
    free: () => Promise.resolve(typeof free === 'number' ? free : free()),
  };
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

  it('asks for room at each part: what came stays, and it goes on when there is room again', async () => {
    let free = 100 * GIB;
    const { uploads, path, id } = await (async () => {
      const { uploads: made } = await make(() => free);
      return { uploads: made, ...(await made.create(NEW)) };
    })();
    await uploads.append(id, 0, parts('abcd'));
    free = GIB / 4;
    await expect(uploads.append(id, 4, parts('efgh'))).rejects.toMatchObject({
      code: 'install.no_space',
      message: containing('the rest of "a.iso"'),
    });
    expect((await uploads.get(id)).offset).toBe(4);
    free = GIB;
    expect((await uploads.append(id, 4, parts('efghij'))).offset).toBe(10);
    expect(await readFile(path, 'utf8')).toBe('abcdefghij');
  });

  it('whose disk is full in the middle of a part says so, and keeps what came before', async () => {
    const { uploads } = await make();
    const { id } = await uploads.create(NEW);
    const full = async function* (): AsyncGenerator<Buffer> {
      yield await Promise.resolve(Buffer.from('abc'));
      throw Object.assign(new Error('write'), { code: 'ENOSPC' });
    };
    await expect(uploads.append(id, 0, full())).rejects.toMatchObject({ code: 'install.no_space', message: containing('full') });
    expect((await uploads.get(id)).offset).toBe(3);
  });

  it('is compared with its SHA-256 when the last part is there, and is removed with both sums said when it is another', async () => {
    const { uploads, directory } = await make();
    const right = '72399361da6a7754fec986dca5b7cbaf1c810a28ded4abaf56b2106d06cb78b0';
    const good = await uploads.create({ ...NEW, sha256: right });
    await uploads.append(good.id, 0, parts('abcde'));
    expect((await uploads.append(good.id, 5, parts('fghij'))).offset).toBe(10);
    const bad = await uploads.create({ ...NEW, sha256: 'a'.repeat(64) });
    await uploads.append(bad.id, 0, parts('abcde'));
    await expect(uploads.append(bad.id, 5, parts('fghij'))).rejects.toMatchObject({
      code: 'install.wrong_checksum',
      message: expect.stringMatching(new RegExp(`${right}.*${'a'.repeat(64)}`)) as unknown,
    });
    await expect(uploads.get(bad.id)).rejects.toMatchObject({ code: 'install.no_upload' });
    expect((await readdir(directory)).filter((name) => name.startsWith(bad.id))).toEqual([]);
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
