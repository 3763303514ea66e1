// Installers as the rest of the appliance uses them: with the mode file in them, as they are sent or as copies by a real xorriso, and kept as
// long as a machine is being installed with one.

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createInstallers, type Fetch } from '../../src/install/index.ts';
import { addFile } from '../../src/install/iso/add-file.ts';
import { openIso } from '../../src/install/iso/iso.ts';
import { remaster } from '../../src/install/iso/remaster.ts';
import type { Installer, VirtualIso } from '../../src/install/seam.ts';
import { type Run, runProgram, silentLog, systemClock, systemRandom } from '../../src/lib/index.ts';
import { createTaskEngine } from '../../src/tasks/index.ts';
import { containing } from '../support/containing.ts';
import { installSite, PLAN } from '../support/install.ts';
import { installerIso } from '../support/installer-iso.ts';
import { openTestStore } from '../support/store.ts';

const MODE = Buffer.from('mode = "http"\n\n[http]\nurl = "https://10.0.0.1/install/answer/x"\n');
const GIB = 1024 ** 3;

const nobody: Fetch = () => Promise.reject(new Error('nobody fetches in this test'));

interface Made {
  readonly canOverlay?: boolean;
  readonly hasXorriso?: boolean;
  readonly free?: () => number;
  readonly store?: Awaited<ReturnType<typeof openTestStore>>;
  readonly fetch?: Fetch;
}

async function make({ canOverlay = true, hasXorriso = true, free = () => 100 * GIB, store: given, fetch = nobody }: Made = {}) {
  const scratch = await mkdtemp(join(tmpdir(), 'rackseed-installer-store-'));
  const store = given ?? (await openTestStore());
  const run: Run = (command, args, options) =>
    hasXorriso ? runProgram(command, args, options) : Promise.reject(new Error(`spawn ${command} ENOENT`));
  const parts = createInstallers({
    directory: join(scratch, 'installers'),
    store,
    clock: systemClock,
    random: systemRandom,
    run,
    fetch,
    holder: 'one',
    free: () => Promise.resolve(free()),
    tools: {
      addFile: (iso, file) => (canOverlay ? addFile(iso, file) : addFile(iso, { ...file, content: Buffer.alloc(2 ** 20 + 1) })),
      remaster: ({ path, bytes }, added, outPath) => remaster({ isoPath: path, bytes, added, outPath, run }),
    },
  });
  const tasks = createTaskEngine({
    store,
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    definitions: parts.definitions,
    holder: 'one',
  });
  parts.bind(tasks);
  await parts.start(new AbortController().signal);
  await tasks.start(new AbortController().signal);
  onTestFinished(async () => {
    await tasks.stop();
    await rm(scratch, { recursive: true, force: true });
  });
  const { installers } = parts;
  const imported = async (iso: string): Promise<Installer> => {
    const task = await tasks.finished(
      await installers.import({ source: { path: iso }, sha256: null, name: null }),
      AbortSignal.timeout(30_000),
    );
    expect(task.error).toBeNull();
    return installers.find((task.result as { id: string }).id); // our own
  };
  return { scratch, store, parts, installers, imported, tasks };
}

async function bytesOf(iso: VirtualIso): Promise<Buffer> {
  const source = await iso.open();
  const bytes = Buffer.alloc(iso.bytes);
  await source.read(bytes, 0);
  await source.close();
  return bytes;
}

async function inRoot(bytes: Buffer, path: string): Promise<string> {
  const iso = await openIso((offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)), bytes.length);
  return (await iso.read(path, 4096)).toString();
}

describe('an installer with its mode file', { timeout: 60_000 }, () => {
  it('is put together as it is sent, the same for the same content, without a copy', async () => {
    const { installers, imported, scratch } = await make();
    const installer = await imported(await installerIso(join(scratch, 'a.iso')));
    const [one, same, other] = await Promise.all(
      [MODE, MODE, Buffer.from('mode = "iso"\n')].map((content) => installers.withModeFile(installer, content)),
    );
    expect(one?.tag).toBe(same?.tag);
    expect(one?.tag).not.toBe(other?.tag);
    expect(await inRoot(await bytesOf(one as VirtualIso), '/auto-installer-mode.toml')).toBe(MODE.toString()); // three were asked for
    expect(await readdir(join(scratch, 'installers'))).toEqual([installer.id, 'incoming']);
  });

  it('is a copy by xorriso where that can not be, and of such copies only the last few are kept', async () => {
    const { installers, imported, scratch, parts } = await make({ canOverlay: false });
    const installer = await imported(await installerIso(join(scratch, 'a.iso')));
    expect(installer).toMatchObject({ carrier: 'remaster', problem: null });
    const contents = [1, 2, 3, 4, 5].map((number) => Buffer.from(`mode = "http" # ${number}\n`));
    const first = await installers.withModeFile(installer, contents[0] ?? MODE);
    expect(await inRoot(await bytesOf(first), '/auto-installer-mode.toml')).toBe('mode = "http" # 1\n');
    const held = await first.open();
    const tmp = join(scratch, 'installers', 'tmp');
    for (const content of contents.slice(1)) {
      await bytesOf(await installers.withModeFile(installer, content));
      expect((await readdir(tmp)).length).toBeLessThanOrEqual(3);
    }
    expect(await readdir(tmp)).toHaveLength(3);
    // It is being read: it stays until it is not.
    const bytes = Buffer.alloc(2048);
    await held.read(bytes, 16 * 2048);
    expect(bytes.toString('latin1', 1, 6)).toBe('CD001');
    await held.close();
    await parts.start(new AbortController().signal);
    expect(await readdir(tmp)).toEqual([]);
    expect((await bytesOf(await installers.withModeFile(installer, MODE))).length).toBeGreaterThan(0);
  });

  it('can not be had where neither can be: it is listed with the reason, and is nobody’s newest', async () => {
    const { installers, imported, scratch } = await make({ canOverlay: false, hasXorriso: false });
    const installer = await imported(await installerIso(join(scratch, 'a.iso')));
    expect(installer).toMatchObject({ carrier: null, problem: containing('apt-get install xorriso') });
    expect(await installers.newest('pve')).toBeUndefined();
    await expect(installers.withModeFile(installer, MODE)).rejects.toMatchObject({
      code: 'install.no_installer',
      message: containing('xorriso'),
    });
  });
});

describe('the installers', { timeout: 60_000 }, () => {
  it('have a newest one of each product', async () => {
    const { installers, imported, scratch } = await make();
    for (const release of ['9.2', '9.10', '8.4']) await imported(await installerIso(join(scratch, 'a.iso'), { release }));
    expect((await installers.newest('pve'))?.release).toBe('9.10');
    expect(await installers.newest('pbs')).toBeUndefined();
    await expect(installers.find('9.10')).rejects.toMatchObject({ message: containing('proxmox-ve-9.10-1, proxmox-ve-9.2-1') });
  });

  it('are not removed while a machine is being installed with one, whatever it is called in the plan', async () => {
    const site = await installSite();
    const { installers, imported, scratch } = await make({ store: site.store });
    const installer = await imported(await installerIso(join(scratch, 'a.iso')));
    await site.book.begin({ nodeUuid: site.node.uuid, deployment: 'd', plan: { ...PLAN, installer: installer.id } });
    await expect(installers.remove(installer.name)).rejects.toMatchObject({ code: 'install.installer_in_use' });
    const mend = site.store.db.updateTable('installations').where('deployment', '=', 'd');
    const { plan } = await site.store.db.selectFrom('installations').select('plan').executeTakeFirstOrThrow();
    await mend.set({ plan: '{"installer"' }).execute();
    await expect(installers.remove(installer.name)).rejects.toMatchObject({ message: containing('is damaged: deploy it again') });
    await mend.set({ plan }).execute();
    await site.book.abandon(site.node.uuid, 'd', 'given up');
    await installers.remove(installer.name);
    expect(await installers.list()).toEqual([]);
  });

  it('are imported only where there is room, with the numbers, and leave nothing where there is not', async () => {
    let free = 100 * GIB;
    const { installers, scratch, tasks } = await make({ free: () => free });
    const path = await installerIso(join(scratch, 'a.iso'));
    free = GIB / 2;
    const task = await tasks.finished(await installers.import({ source: { path }, sha256: null, name: null }), AbortSignal.timeout(30_000));
    expect(task).toMatchObject({ state: 'failed', error: { code: 'install.no_space', message: containing('512 MiB free') } });
    expect(await installers.list()).toEqual([]);
    expect((await readdir(join(scratch, 'installers'))).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('are not fetched on when the disk becomes full meanwhile, with the numbers, and leave nothing', async () => {
    let free = 100 * GIB;
    let sent = 0;
    const piece = Buffer.alloc(2 ** 20, 1);
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      for (; sent < 64; sent += 1) {
        if (sent === 20) free = GIB / 4;
        yield await Promise.resolve(piece);
      }
    };
    const fetch: Fetch = () => {
      const body = Object.assign(chunks(), { cancel: () => Promise.resolve() });
      const said = new Map([['content-length', String(64 * piece.length)]]);
      return Promise.resolve({ status: 200, headers: { get: (name) => said.get(name) ?? null }, body });
    };
    const { installers, scratch, tasks } = await make({ free: () => free, fetch });
    const url = 'http://mirror.test/pve.iso';
    const id = await installers.import({ source: { url }, sha256: 'a'.repeat(64), name: null });
    const task = await tasks.finished(id, AbortSignal.timeout(30_000));
    expect(task).toMatchObject({ state: 'failed', error: { code: 'install.no_space', message: containing('the rest of pve.iso') } });
    expect(sent).toBeLessThan(40);
    expect(await readdir(join(scratch, 'installers', 'incoming'))).toEqual([]);
  });

  it('of an upload are compared with the SHA-256 that it was begun with, also when that could not be done at its end', async () => {
    const { installers, scratch, tasks } = await make();
    const bytes = await readFile(await installerIso(join(scratch, 'a.iso')));
    const wanted = 'a'.repeat(64);
    const { id, path } = await installers.uploads.create({ name: 'a.iso', bytes: bytes.length, sha256: wanted });
    await writeFile(path, bytes); // as a process leaves it that ended after the last part
    const other = installers.import({ source: { upload: id }, sha256: 'b'.repeat(64), name: null });
    await expect(other).rejects.toMatchObject({ code: 'install.bad_installer_source', message: containing(wanted) });
    const task = await tasks.finished(
      await installers.import({ source: { upload: id }, sha256: null, name: null }),
      AbortSignal.timeout(30_000),
    );
    expect(task).toMatchObject({ state: 'failed', error: { code: 'install.wrong_checksum', message: containing(wanted) } });
    expect(await installers.list()).toEqual([]);
  });

  it('of an upload that there was no room to take are taken when there is', async () => {
    let free = 100 * GIB;
    const { installers, scratch, tasks } = await make({ free: () => free });
    const bytes = await readFile(await installerIso(join(scratch, 'a.iso')));
    const { id, path } = await installers.uploads.create({ name: 'a.iso', bytes: bytes.length, sha256: null });
    await writeFile(path, bytes);
    const order = { source: { upload: id }, sha256: null, name: null };
    free = GIB / 2;
    const first = await tasks.finished(await installers.import(order), AbortSignal.timeout(30_000));
    expect(first).toMatchObject({ state: 'failed', error: { code: 'install.no_space' } });
    expect((await readdir(join(scratch, 'installers'))).filter((name) => name.startsWith('.'))).toEqual([]);
    free = 100 * GIB;
    expect(await tasks.finished(await installers.import(order), AbortSignal.timeout(30_000))).toMatchObject({ state: 'succeeded' });
  });

  it('list nothing that is not theirs, and nothing half', async () => {
    const { installers, imported, scratch } = await make();
    const { id } = await imported(await installerIso(join(scratch, 'a.iso')));
    const place = join(scratch, 'installers');
    await writeFile(join(place, 'people.iso'), '');
    const entry = JSON.parse(await readFile(join(place, id, 'installer.json'), 'utf8')) as Record<string, unknown>; // our own
    await writeFile(join(place, id, 'installer.json'), JSON.stringify({ ...entry, product: 'other' }));
    expect(await installers.list()).toEqual([]);
    await writeFile(join(place, id, 'installer.json'), JSON.stringify(entry));
    expect((await installers.list()).map(({ id: found }) => found)).toEqual([id]);
  });
});
