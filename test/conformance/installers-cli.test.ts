// rackseed image add | list | show | verify | remove | selftest, by the real command line; and imports that are killed in the middle.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Appliance, cli, makeSite, type Site, startAppliance } from '../support/appliance.ts';
import { containing } from '../support/containing.ts';
import { cpio, installerIso } from '../support/installer-iso.ts';

let site: Site;
let appliance: Appliance;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rackseed-installers-cli-'));
  site = await makeSite('[install]\nfetch_hosts = ["127.0.0.1"]\n');
  appliance = await startAppliance(site);
});
afterAll(async () => {
  await appliance.stop();
  await site.remove();
  await rm(directory, { recursive: true, force: true });
});

async function good(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await cli(site, words);
  expect([code, stderr]).toEqual([0, expect.any(String)]);
  return stdout;
}

async function sha256Of(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

function place(...parts: string[]): string {
  return join(site.dataDir, 'installers', ...parts);
}

/** Noise that no packing makes small, so that each part of an import takes a while. */
function noise(bytes: number): Buffer {
  const words = new Uint32Array(bytes / 4);
  for (let at = 0, word = 1; at < words.length; at += 1) {
    word = (Math.imul(word, 1_664_525) + 1_013_904_223) >>> 0;
    words[at] = word ^ (word >>> 15);
  }
  return Buffer.from(words.buffer);
}

describe('rackseed image', { timeout: 120_000 }, () => {
  it('adds a file of this machine by upload, and lists, shows, verifies and removes it', async () => {
    const path = await installerIso(join(directory, 'pve.iso'));
    const added = await cli(site, ['image', 'add', path, '--checksum', `sha256:${await sha256Of(path)}`, '-o', 'json']);
    expect(added).toMatchObject({ code: 0, stderr: containing('--resume ') });
    const installer = JSON.parse(added.stdout) as { id: string; name: string }; // our own answer
    expect(installer).toMatchObject({ name: 'proxmox-ve-9.1-1', id: await sha256Of(path), carrier: 'overlay' });
    expect(await readdir(place('uploads'))).toEqual([]);

    expect(await good('image', 'list')).toMatch(/proxmox-ve-9\.1-1 .*installer of Proxmox VE 9\.1-1, mode file by overlay/);
    expect(await good('image', 'show', installer.id.slice(0, 10))).toMatch(/^initrd +\d+ bytes, sha256:/m);
    expect(await good('image', 'verify')).toMatch(/proxmox-ve-9\.1-1 +as it was/);
    expect(await cli(site, ['image', 'remove', installer.name])).toMatchObject({ code: 2, stderr: containing('--yes') });
    expect(await cli(site, ['image', 'remove', installer.name, '--yes'])).toMatchObject({
      code: 0,
      stderr: 'proxmox-ve-9.1-1 is removed.\n',
    });
    expect(await cli(site, ['image', 'show', installer.name])).toMatchObject({ code: 1, stderr: containing('(install.no_installer)') });
  });

  it('takes a name, and refuses one that is taken, a wrong checksum, and what is no installer', async () => {
    const path = await installerIso(join(directory, 'named.iso'), { release: '9.2' });
    await good('image', 'add', path, '--there', '--name', 'mine');
    expect(await good('image', 'show', 'mine')).toContain('Proxmox VE');
    const other = await installerIso(join(directory, 'other.iso'), { release: '9.3' });
    expect(await cli(site, ['image', 'add', other, '--name', 'mine'])).toMatchObject({
      code: 1,
      stderr: containing('(install.installer_name_taken)'),
    });
    expect(await cli(site, ['image', 'add', other, '--checksum', 'a'.repeat(64)])).toMatchObject({
      code: 1,
      stderr: containing('(install.wrong_checksum)'),
    });
    expect(await cli(site, ['image', 'add', other, '--checksum', 'md5:1'])).toMatchObject({ code: 2, stderr: containing('no SHA-256') });
    expect(await cli(site, ['image', 'add', 'http://127.0.0.1:1/x.iso'])).toMatchObject({ code: 1, stderr: containing('--checksum') });
    await writeFile(join(directory, 'text.iso'), 'no ISO'.repeat(10_000));
    expect(await cli(site, ['image', 'add', join(directory, 'text.iso')])).toMatchObject({
      code: 1,
      stderr: containing('(install.not_an_installer)'),
    });
    expect(await cli(site, ['image', 'add', join(directory, 'absent.iso')])).toMatchObject({
      code: 1,
      stderr: containing('(cli.bad_file)'),
    });
    expect((await readdir(place())).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('says of a broken installer what has changed, with exit code 1', async () => {
    const path = await installerIso(join(directory, 'broken.iso'), { release: '9.4' });
    const { id } = JSON.parse(await good('image', 'add', path, '-o', 'json')) as { id: string }; // our own answer
    await truncate(place(id, 'initrd.img'), 10);
    expect(await cli(site, ['image', 'verify', id])).toMatchObject({
      code: 1,
      stdout: containing('initrd.img has 10 bytes instead of'),
      stderr: containing('(install.installer_broken)'),
    });
    expect(await good('image', 'list')).toMatch(/9\.4-1.*can't be used/);
    await good('image', 'remove', id, '--yes');
  });
});

describe('rackseed image selftest', { timeout: 60_000 }, () => {
  it('finds all that is needed in an ISO that is laid out as Proxmox lays it out', async () => {
    const path = await installerIso(join(directory, 'test.iso'));
    const findings = JSON.parse(await good('image', 'selftest', path, '-o', 'json')) as { id: string; result: string; isNeeded: boolean }[]; // our own
    expect(findings.filter(({ result }) => result === 'fail')).toEqual([]);
    expect(findings.filter(({ result }) => result === 'unknown').map(({ id }) => id)).toEqual(['memory', 'initrd-modules', 'sha256']);
  });

  it('has every id in the list of what is unproven', async () => {
    const text = await readFile(new URL('../../docs/unproven.md', import.meta.url), 'utf8');
    const findings = JSON.parse(await good('image', 'selftest', await installerIso(join(directory, 'ids.iso')), '-o', 'json')) as {
      id: string;
    }[]; // our own
    expect(findings.map(({ id }) => id).filter((id) => !text.includes(`\`${id}\``))).toEqual([]);
  });

  it.each([
    [
      'init-takes-proxmox-iso',
      {
        'boot/initrd.img': zstdCompressSync(
          cpio([{ name: 'init', mode: 0o100755, content: Buffer.from('#!/bin/sh\nmount -t iso9660 -o loop x /mnt\n') }]),
        ),
      },
    ],
    ['initrd-packed', { 'boot/initrd.img': Buffer.from('no archive') }],
    ['kernel', { 'boot/linux26': Buffer.alloc(100_000) }],
    ['squashfs-base', { 'pve-base.squashfs': Buffer.alloc(4096) }],
    ['auto-installer-capable', { 'auto-installer-capable': null }],
    ['cd-info', { '.cd-info': Buffer.from('PRODUCT=x\n'), '.disk/info': null }],
  ])('fails, with exit code 1, where what we rest on does not hold: %s', async (id, files) => {
    const path = await installerIso(join(directory, 'bad.iso'), { files });
    const { code, stdout, stderr } = await cli(site, ['image', 'selftest', path]);
    expect([code, stderr]).toEqual([1, containing(id)]);
    expect(stdout).toMatch(new RegExp(`^fail +${id} `, 'm'));
  });

  it('sees unsigned loaders and a mode file that is there already, which stop nothing', async () => {
    const path = await installerIso(join(directory, 'soft.iso'), {
      isSigned: false,
      files: { 'auto-installer-mode.toml': Buffer.from('mode = "iso"\n') },
    });
    const text = await good('image', 'selftest', path);
    expect(text).toMatch(/^fail +secure-boot-loaders .*not signed: EFI\/BOOT\/BOOTX64\.EFI/m);
    expect(text).toMatch(/^fail +mode-file-absent /m);
  });

  it('of what is no ISO is an error, with its reason', async () => {
    await writeFile(join(directory, 'no.iso'), 'no');
    expect(await cli(site, ['image', 'selftest', join(directory, 'no.iso')])).toMatchObject({
      code: 1,
      stderr: containing('(install.not_an_installer)'),
    });
    expect(await cli(site, ['image', 'selftest', join(directory, 'none.iso')])).toMatchObject({
      code: 1,
      stderr: containing('(cli.bad_file)'),
    });
  });
});

describe('an import that is killed', { timeout: 120_000 }, () => {
  it('while it is uploaded goes on where it ended', async () => {
    const path = await installerIso(join(directory, 'up.iso'), { release: '8.3' });
    const bytes = await readFile(path);
    const { id } = (await appliance.client.send('POST', '/api/installers/uploads', { name: 'up.iso', bytes: bytes.length })) as {
      id: string;
    }; // our own API
    await appliance.client.append(`/api/installers/uploads/${id}`, 0, bytes.subarray(0, 1_000_000));
    await appliance.kill9();
    appliance = await startAppliance(site);
    expect(await appliance.client.get(`/api/installers/uploads/${id}`)).toMatchObject({ offset: 1_000_000 });
    await expect(appliance.client.append(`/api/installers/uploads/${id}`, 0, bytes)).rejects.toMatchObject({
      code: 'install.upload_offset',
    });
    const added = await cli(site, ['image', 'add', path, '--resume', id, '-o', 'json']);
    expect(added.code, added.stderr).toBe(0);
    expect(JSON.parse(added.stdout)).toMatchObject({ name: 'proxmox-ve-8.3-1', id: await sha256Of(path) });
  });

  it('while it is fetched asks for the rest only', async () => {
    const path = await installerIso(join(directory, 'fetch.iso'), { release: '8.4' });
    const bytes = await readFile(path);
    const web = await holdingServer(bytes, 2_000_000);
    const { taskId } = (await appliance.client.send('POST', '/api/installers', { url: web.url, sha256: await sha256Of(path) })) as {
      taskId: string;
    }; // our own API
    await web.held;
    await vi.waitFor(async () => expect((await stat(place('incoming', `${taskId}.iso`))).size).toBe(2_000_000), { timeout: 20_000 });
    await appliance.kill9();
    web.release();
    appliance = await startAppliance(site);
    await vi.waitFor(async () => expect(await appliance.client.get(`/api/tasks/${taskId}`)).toMatchObject({ state: 'succeeded' }), {
      timeout: 60_000,
    });
    expect(web.ranges).toEqual([undefined, 'bytes=2000000-']);
    expect(await appliance.client.get(`/api/installers/imports/${taskId}`)).toMatchObject({ name: 'proxmox-ve-8.4-1' });
    expect(await readdir(place('incoming'))).toEqual([]);
  });

  it('while kernel and initrd are taken out is done again, and nothing half is ever listed', async () => {
    const initrd = zstdCompressSync(cpio([{ name: 'init', mode: 0o100755, content: noise(48 * 2 ** 20) }]));
    const path = await installerIso(join(directory, 'take.iso'), { release: '8.2', initrd });
    const { taskId } = (await appliance.client.send('POST', '/api/installers', { path })) as { taskId: string }; // our own API
    await vi.waitFor(async () => expect((await stat(place(`.new-${taskId}`, 'initrd.img'))).size).toBeGreaterThan(0), {
      timeout: 60_000,
      interval: 5,
    });
    await appliance.kill9();
    const list = await readdir(place());
    expect(list).not.toContain(await sha256Of(path));
    appliance = await startAppliance(site);
    await vi.waitFor(async () => expect(await appliance.client.get(`/api/tasks/${taskId}`)).toMatchObject({ state: 'succeeded' }), {
      timeout: 60_000,
    });
    expect((await readdir(place())).filter((name) => name.startsWith('.'))).toEqual([]);
    expect(await good('image', 'verify', 'proxmox-ve-8.2-1')).toContain('as it was');
  });

  it('leaves nothing behind when its task is cancelled', async () => {
    const path = await installerIso(join(directory, 'cancel.iso'), { release: '8.5' });
    const web = await holdingServer(await readFile(path), 1_000_000);
    const { taskId } = (await appliance.client.send('POST', '/api/installers', { url: web.url, sha256: await sha256Of(path) })) as {
      taskId: string;
    }; // our own API
    await web.held;
    await appliance.client.send('POST', `/api/tasks/${taskId}/cancel`, {});
    await vi.waitFor(async () => expect(await appliance.client.get(`/api/tasks/${taskId}`)).toMatchObject({ state: 'cancelled' }), {
      timeout: 30_000,
    });
    web.release();
    expect(await readdir(place('incoming'))).toEqual([]);
  });

  it('with files of another life in its way is not misled by them', async () => {
    const path = await installerIso(join(directory, 'left.iso'), { release: '8.6' });
    const id = await sha256Of(path);
    await copyFile(path, place('incoming', 'gone.iso'));
    await good('image', 'add', path, '--there');
    expect(await readdir(place('incoming'))).toEqual([]);
    await writeFile(place(id, 'installer.json'), '{"half":');
    expect(await good('image', 'list')).not.toContain('8.6-1');
    await good('image', 'add', path, '--there');
    expect(await good('image', 'verify', id)).toContain('as it was');
  });
});

/** Sends the first bytes and then holds, until it is released; ranges as real servers do (RFC 9110 §14). */
async function holdingServer(bytes: Buffer, first: number) {
  const ranges: (string | undefined)[] = [];
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let hold: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    hold = resolve;
  });
  const answer = async (response: ServerResponse, range: string | undefined): Promise<void> => {
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const part = range === undefined ? {} : { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
    response.writeHead(range === undefined ? 200 : 206, { etag: '"one"', 'content-length': bytes.length - start, ...part });
    if (range !== undefined) {
      response.end(bytes.subarray(start));
      return;
    }
    response.write(bytes.subarray(0, first), () => hold());
    await released;
    response.destroy();
  };
  const server: Server = createServer((request, response) => {
    const { range } = request.headers;
    ranges.push(range);
    void answer(response, range);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    release();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // it listens on a port
  return { url: `http://127.0.0.1:${port}/held.iso`, ranges, release, held };
}
