// Boot files that change while an appliance runs: what is being sent keeps its bytes, what is new appears, and what is broken changes nothing.

import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  addOwnFile,
  createTftpFiles,
  type FileStoreOptions,
  installFiles,
  type LiveBootFiles,
  type NewFile,
  openBootFiles,
  removeOwnFile,
} from '../../src/boot/index.ts';
import { silentLog, systemRandom } from '../../src/lib/index.ts';
import { containing } from '../support/containing.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';

let root: string;
let clock: FakeClock;
let built: FileStoreOptions;
let own: FileStoreOptions;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'rackseed-live-'));
  clock = createFakeClock(Date.now());
  built = { directory: join(root, 'data/artefacts'), clock, random: systemRandom };
  own = { directory: join(root, 'data/loaders'), clock, random: systemRandom };
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function newFile(name: string, bytes: string): Promise<NewFile> {
  const path = join(root, `source-${systemRandom.uuid()}`);
  await writeFile(path, bytes);
  return { name, path, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex'), origin: 'test' };
}

const open = (): Promise<LiveBootFiles> =>
  openBootFiles({ directory: built.directory, ownDirectory: own.directory, clock, log: silentLog });

async function afterASecond(files: LiveBootFiles): Promise<void> {
  await clock.advance(1001);
  await files.refresh();
}

const textOf = async (files: LiveBootFiles, name: string): Promise<string> => readFile(files.get(name)?.path ?? 'absent', 'utf8');

describe('the boot files of a running appliance', () => {
  it('are taken when they are built after its start', async () => {
    const files = await open();
    expect(files.problems()[0]?.code).toBe('boot.artefacts_missing');
    await installFiles(built, [await newFile('a.efi', 'one')], { format: 1 });
    await afterASecond(files);
    expect(await textOf(files, 'a.efi')).toBe('one');
    expect(files.problems()).toEqual([]);
  });

  it('are looked at no more than once a second', async () => {
    await installFiles(built, [await newFile('a.efi', 'one')], {});
    const files = await open();
    await installFiles(built, [await newFile('a.efi', 'two, longer')], {});
    await files.refresh();
    expect(files.get('a.efi')?.size).toBe(3);
    await afterASecond(files);
    expect(files.get('a.efi')?.size).toBe(11);
  });

  it('keep their bytes for a download that began before', async () => {
    await installFiles(built, [await newFile('a.efi', 'old bytes')], {});
    const files = await open();
    const find = createTftpFiles({
      files,
      startScript: () => '',
      grub: { file: async () => undefined },
      ourAddress: async () => '192.0.2.1',
    });
    const download = await find('a.efi', { address: '192.0.2.2', port: 1 });
    if ('refuse' in download) throw new Error(download.refuse);
    expect(Buffer.from(await download.read(0, 4)).toString()).toBe('old ');
    const before = files.get('a.efi');
    await installFiles(built, [await newFile('a.efi', 'new and longer bytes')], {});
    await afterASecond(files);
    expect(Buffer.from(await download.read(4, 5)).toString()).toBe('bytes');
    await download.close();
    expect(await textOf(files, 'a.efi')).toBe('new and longer bytes');
    // Nor does the path go that a machine was told a moment ago.
    expect(await readFile(before?.path ?? '', 'utf8')).toBe('old bytes');
  });

  it('stay as they were when a half-written directory takes their place', async () => {
    await installFiles(built, [await newFile('a.efi', 'one')], {});
    const files = await open();
    await writeFile(join(built.directory, 'manifest.json'), JSON.stringify({ artefacts: [{ name: 'a.efi', size: 9, sha256: 'x' }] }));
    await afterASecond(files);
    expect(await textOf(files, 'a.efi')).toBe('one');
    expect(files.problems()[0]?.message).toMatch(/manifest\.json/);
    await rm(join(built.directory, 'manifest.json'));
    await afterASecond(files);
    expect(await textOf(files, 'a.efi')).toBe('one');
  });

  it('lose contents that nothing names any more, a day later', async () => {
    const first = await newFile('a.efi', 'one');
    await installFiles(built, [first], {});
    await installFiles(built, [await newFile('a.efi', 'two')], {});
    const old = join(built.directory, 'content', first.sha256);
    const longAgo = new Date(clock.now() - 25 * 3600_000);
    await utimes(old, longAgo, longAgo);
    await installFiles(built, [await newFile('a.efi', 'three')], {});
    const contents = await readdir(join(built.directory, 'content'));
    expect(contents).not.toContain(first.sha256);
    expect(contents).toHaveLength(2);
  });

  it('never take bytes that are not those that were announced', async () => {
    const file = await newFile('a.efi', 'one');
    await writeFile(file.path, 'two');
    await expect(installFiles(built, [file], {})).rejects.toMatchObject({ code: 'boot.file_changed' });
    expect(await readdir(join(built.directory, 'content'))).toEqual([]);
  });
});

describe('a boot loader of the operator', () => {
  it('takes the place of the built one at once, and gives it back when it is removed', async () => {
    await installFiles(built, [await newFile('a.efi', 'built'), await newFile('b.efi', 'other')], {});
    const files = await open();
    await addOwnFile(own, await newFile('a.efi', 'my own'));
    await afterASecond(files);
    expect(await textOf(files, 'a.efi')).toBe('my own');
    expect(await textOf(files, 'b.efi')).toBe('other');
    await addOwnFile(own, await newFile('a.efi', 'my second'));
    await afterASecond(files);
    expect(await textOf(files, 'a.efi')).toBe('my second');
    expect(await removeOwnFile(own, 'a.efi')).toBe(true);
    expect(await removeOwnFile(own, 'a.efi')).toBe(false);
    await afterASecond(files);
    expect(await textOf(files, 'a.efi')).toBe('built');
  });

  it('that is broken keeps nothing else from being used, and is said', async () => {
    await mkdir(own.directory, { recursive: true });
    await writeFile(join(own.directory, 'a.efi.json'), '{"name": "a.efi", "size": 3, "sha256": "x", "file": "../../etc/passwd"}');
    await installFiles(built, [await newFile('a.efi', 'built')], {});
    const files = await open();
    expect(await textOf(files, 'a.efi')).toBe('built');
    expect(files.problems()).toMatchObject([{ code: 'boot.own_file_broken', message: containing('no name of a file') }]);
  });
});
