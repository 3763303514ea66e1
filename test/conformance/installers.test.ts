// Installers from outside in: a real appliance takes ISOs with the layout of Proxmox's from a file, in parts, and from a web server that breaks
// off, and gives them back byte for byte.

import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Appliance, makeSite, type Site, startAppliance } from '../support/appliance.ts';
import { containing } from '../support/containing.ts';
import { serveImages } from '../support/image-server.ts';
import { installerIso, smallInitrd } from '../support/installer-iso.ts';

let site: Site;
let appliance: Appliance;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rackseed-installers-'));
  site = await makeSite('[install]\nfetch_hosts = ["127.0.0.1"]\n');
  appliance = await startAppliance(site);
});
afterAll(async () => {
  await appliance.stop();
  await site.remove();
  await rm(directory, { recursive: true, force: true });
});

interface Task {
  readonly state: string;
  readonly error: { readonly code: string; readonly message: string } | null;
}
interface Listed {
  readonly id: string;
  readonly name: string;
  readonly [key: string]: unknown;
}

async function started(body: unknown): Promise<string> {
  return ((await appliance.client.send('POST', '/api/installers', body)) as { taskId: string }).taskId; // our own API
}

/** Events tell of each move of a task: the stream is what is waited for. */
async function ended(id: string): Promise<Task> {
  const signal = AbortSignal.timeout(60_000);
  const look = async () => (await appliance.client.get(`/api/tasks/${id}`)) as Task; // our own API
  for await (const { data } of appliance.client.events('/api/events?after=0', undefined, signal)) {
    const { type, taskId } = data as { type: string; taskId: string | null }; // our own events
    if (type === 'task.finished' && taskId === id) return look();
  }
  throw new Error('the stream of events ended');
}

async function imported(body: unknown): Promise<Listed> {
  const id = await started(body);
  expect((await ended(id)).error).toBeNull();
  return (await appliance.client.get(`/api/installers/imports/${id}`)) as Listed; // our own API
}

async function list(): Promise<string[]> {
  return ((await appliance.client.get('/api/installers')) as { installers: Listed[] }).installers.map(({ name }) => name);
}

async function sha256Of(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

describe('an installer', { timeout: 120_000 }, () => {
  it('is imported from a file of the appliance, with kernel and initrd taken out, and is there again after a restart', async () => {
    const path = await installerIso(join(directory, 'pve.iso'));
    const installer = await imported({ path });
    const id = await sha256Of(path);
    expect(installer).toMatchObject({
      id,
      name: 'proxmox-ve-9.1-1',
      product: 'pve',
      title: 'Proxmox VE',
      release: '9.1',
      isoRelease: '1',
      carrier: 'overlay',
      problem: null,
    });
    const place = join(site.dataDir, 'installers', id);
    expect(await sha256Of(join(place, 'installer.iso'))).toBe(id);
    expect(gunzipSync(await readFile(join(place, 'initrd.img'))).equals(smallInitrd())).toBe(true);
    expect((await readFile(join(place, 'linux26'))).toString('latin1', 0x202, 0x206)).toBe('HdrS');

    expect((await imported({ path, name: 'again' })).name).toBe('proxmox-ve-9.1-1');
    await appliance.stop();
    appliance = await startAppliance(site);
    expect(await list()).toEqual(['proxmox-ve-9.1-1']);
    expect(await appliance.client.get(`/api/installers/${id.slice(0, 8)}`)).toEqual(installer);
  });

  it('is of any product, and is listed by product with the newest release first', async () => {
    for (const [product, release] of [
      ['pbs', '4.1'],
      ['pdm', '1.0'],
      ['pve', '9.10'],
    ] as const)
      await imported({ path: await installerIso(join(directory, `${product}.iso`), { product, release, joliet: product === 'pdm' }) });
    expect(await list()).toEqual([
      'proxmox-ve-9.10-1',
      'proxmox-ve-9.1-1',
      'proxmox-backup-server-4.1-1',
      'proxmox-datacenter-manager-1.0-1',
    ]);
  });

  it('is refused at once when it is none, with what was found', async () => {
    const debian = await installerIso(join(directory, 'debian.iso'), {
      volumeId: 'Debian 12',
      files: { '.cd-info': null, '.disk/info': Buffer.from('Debian GNU/Linux 12') },
    });
    await expect(started({ path: debian })).rejects.toMatchObject({
      code: 'install.not_an_installer',
      message: expect.stringMatching(/"Debian 12" and has .*EULA/) as unknown,
    });
    await writeFile(join(directory, 'text.iso'), 'no ISO');
    await expect(started({ path: join(directory, 'text.iso') })).rejects.toMatchObject({ code: 'install.not_an_installer' });
    await expect(started({ path: join(directory, 'absent.iso') })).rejects.toMatchObject({ code: 'install.bad_installer_source' });
    await expect(started({ path: directory })).rejects.toMatchObject({ code: 'install.not_an_installer', message: containing('no file') });
    const old = await installerIso(join(directory, 'old.iso'), { release: '8.1', files: { 'auto-installer-capable': null } });
    await expect(started({ path: old })).rejects.toMatchObject({ code: 'install.installer_unfit', message: containing('8.2') });
    const bare = await installerIso(join(directory, 'bare.iso'), { release: '9.2', files: { 'boot/initrd.img': null } });
    await expect(started({ path: bare })).rejects.toMatchObject({
      code: 'install.installer_unfit',
      message: containing('/boot/initrd.img'),
    });
    const cut = await installerIso(join(directory, 'cut.iso'), { release: '9.3' });
    await truncate(cut, 2_000_000);
    await expect(started({ path: cut })).rejects.toMatchObject({ code: 'install.not_an_installer' });
  });

  it('is not used any more when its files have changed, and is again when they are as they were', async () => {
    const { id, name } = await imported({ path: await installerIso(join(directory, 'v.iso'), { release: '9.4' }) });
    const verify = async () =>
      ended(((await appliance.client.send('POST', `/api/installers/${name}/verify`, {})) as { taskId: string }).taskId); // our own API
    expect(await verify()).toMatchObject({ state: 'succeeded' });
    const kernel = join(site.dataDir, 'installers', id, 'linux26');
    const good = await readFile(kernel);
    const bad = Buffer.from(good);
    bad[1000] = 0xff;
    await writeFile(kernel, bad);
    expect(await verify()).toMatchObject({ state: 'failed', error: { code: 'install.installer_broken' } });
    expect(await appliance.client.get(`/api/installers/${id}`)).toMatchObject({ carrier: null, problem: containing('linux26') });
    await writeFile(kernel, good);
    expect(await verify()).toMatchObject({ state: 'succeeded' });
    expect(await appliance.client.get(`/api/installers/${id}`)).toMatchObject({ carrier: 'overlay', problem: null });
    await appliance.client.send('DELETE', `/api/installers/${name}`);
    await expect(readdir(join(site.dataDir, 'installers', id))).rejects.toThrow('ENOENT');
    await expect(appliance.client.get(`/api/installers/${name}`)).rejects.toMatchObject({ code: 'install.no_installer' });
  });

  it('comes from a web server that breaks off, from where it broke off, and only with its checksum', async () => {
    const path = await installerIso(join(directory, 'web.iso'), { release: '9.5' });
    const sha256 = await sha256Of(path);
    const server = await serveImages({ '/a/web.iso': await readFile(path) });
    server.breaks.push(1_500_000);
    await expect(started({ url: server.url('/a/web.iso') })).rejects.toMatchObject({ message: containing('--checksum') });
    await expect(started({ url: 'file:///etc/passwd', sha256 })).rejects.toMatchObject({ code: 'install.bad_installer_source' });
    const byName = server.url('/a/web.iso').replace('127.0.0.1', 'localhost');
    expect(await ended(await started({ url: byName, sha256 }))).toMatchObject({
      state: 'failed',
      error: { code: 'install.bad_installer_source', message: containing('loopback'), hint: containing('fetch_hosts = ["localhost"]') },
    });
    expect(server.asked).toEqual([]);
    expect((await imported({ url: server.url('/moved/a/web.iso'), sha256 })).id).toBe(sha256);
    const ranges = server.asked.map(({ range }) => range).filter((range) => range !== undefined);
    expect(ranges).toEqual([expect.stringMatching(/^bytes=\d{3,}-$/), expect.stringMatching(/^bytes=\d{3,}-$/)]);
    const wrong = await ended(await started({ url: server.url('/a/web.iso'), sha256: 'a'.repeat(64) }));
    expect(wrong).toMatchObject({ state: 'failed', error: { code: 'install.wrong_checksum', message: containing(sha256) } });
    expect(await ended(await started({ url: server.url('/none.iso'), sha256 }))).toMatchObject({
      state: 'failed',
      error: { code: 'install.bad_installer_source', message: containing('404') },
    });
    expect(await readdir(join(site.dataDir, 'installers/incoming'))).toEqual([]);
  });
});
