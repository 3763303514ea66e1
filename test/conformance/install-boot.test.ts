// What a machine loads of its installer, over the boot listener as it is, from an ISO with the layout of Proxmox's, with the record in a store.

import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { installsOf } from '../../src/app-install-boot.ts';
import { createBootHttp, decideInstall, type Installs } from '../../src/boot/index.ts';
import { addFile } from '../../src/install/iso/add-file.ts';
import { openIso } from '../../src/install/iso/iso.ts';
import type { Installer } from '../../src/install/seam.ts';
import { type Log, systemClock } from '../../src/lib/index.ts';
import { containing } from '../support/containing.ts';
import { hookBody, type InstallSite, installSite } from '../support/install.ts';
import { installerIso } from '../support/installer-iso.ts';

let directory: string;
let installer: Installer;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rackseed-install-boot-'));
  const iso = await fileOf(await installerIso(join(directory, 'pve.iso'), { release: '9.2' }));
  const parts = { linux26: Buffer.alloc(3_000_000, 'kernel'), 'initrd.img': Buffer.alloc(2_500_000, 'initrd') };
  for (const [name, content] of Object.entries(parts)) await writeFile(join(directory, name), content);
  installer = {
    id: iso.sha256,
    name: 'proxmox-ve-9.2-1',
    product: 'pve',
    title: 'Proxmox VE',
    release: '9.2',
    isoRelease: '1',
    iso,
    kernel: await fileOf(join(directory, 'linux26')),
    initrd: await fileOf(join(directory, 'initrd.img')),
    carrier: 'overlay',
    problem: null,
    addedAt: 0,
  };
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function fileOf(path: string): Promise<Installer['iso']> {
  const sha256 = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  return { path, bytes: (await stat(path)).size, sha256 };
}

interface Booting {
  readonly site: InstallSite;
  readonly installs: Installs;
  readonly armed: Awaited<ReturnType<InstallSite['armed']>>;
  readonly base: string;
  readonly downloads: () => { readonly file: string; readonly state: string }[];
  readonly lines: unknown[];
  /** Answers that are made ahead. */
  readonly expected: string[];
  get(name: string, headers?: Record<string, string>): Promise<Response>;
  readonly stage: () => Promise<string | undefined>;
}

async function booting(): Promise<Booting> {
  const site = await installSite({ certificate: null });
  const armed = await site.armed();
  const lines: unknown[] = [];
  const expected: string[] = [];
  const log: Log = { debug: say, info: say, warn: say, error: say, child: () => log };
  function say(fields: object, message: string): void {
    lines.push({ ...fields, message });
  }
  const installs = installsOf({
    config: { install: { console: 'ttyS0,115200' } },
    book: site.book,
    installers: {
      find: () => Promise.resolve(installer),
      withModeFile: ({ iso }, content) => addFile(iso, { name: 'auto-installer-mode.toml', content }),
    },
    apiUrl: (address) => `https://${address}:6385`,
    started: () => Promise.resolve(),
    expectAnswer: (uuid, base) => void expected.push(`${uuid} ${base}`),
    log,
  });
  const http = createBootHttp({
    host: '127.0.0.1',
    port: 0,
    files: new Map(),
    startScript: () => '',
    machineScript: () => Promise.resolve(''),
    installFile: (bootId, name, serverAddress) => installs.file(bootId, name, serverAddress),
    clock: systemClock,
    log,
  });
  await http.start(AbortSignal.timeout(10_000));
  onTestFinished(() => http.stop());
  const base = `http://127.0.0.1:${http.port()}/boot/install`;
  return {
    site,
    installs,
    armed,
    base,
    downloads: () => http.downloads(),
    lines,
    expected,
    get: (name, headers = {}) => fetch(`${base}/${armed.bootId}/${name}`, { headers }),
    stage: async () => (await site.book.current(site.node.uuid))?.stage,
  };
}

async function bytesOf(answer: Response): Promise<Buffer> {
  return Buffer.from(await answer.arrayBuffer());
}

describe('what an installer is loaded from', { timeout: 60_000 }, () => {
  it('is there once its boot was counted, byte for byte, and each fetch moves the installation on', async () => {
    const the = await booting();
    expect((await the.get('vmlinuz')).status).toBe(404);
    expect(await the.installs.begin(the.site.node.uuid)).toEqual({
      bootId: the.armed.bootId,
      title: 'Proxmox VE 9.2-1',
      bytes: installer.iso.bytes,
      console: 'ttyS0,115200',
    });
    expect(await the.stage()).toBe('script');
    expect(await the.site.events('install.boot')).toEqual([containing('boot 1 of at most 3')]);

    expect(await bytesOf(await the.get('vmlinuz'))).toEqual(await readFile(installer.kernel.path));
    await expect.poll(the.stage, { timeout: 20_000 }).toBe('kernel');
    expect(await bytesOf(await the.get('initrd.img'))).toEqual(await readFile(installer.initrd.path));
    await expect.poll(the.stage, { timeout: 20_000 }).toBe('initrd');

    const iso = await bytesOf(await the.get('proxmox.iso'));
    await expect.poll(the.stage, { timeout: 20_000 }).toBe('iso');
    const read = async (offset: number, length: number): Promise<Buffer> => Promise.resolve(iso.subarray(offset, offset + length));
    const mode = await (await openIso(read, iso.length)).read('/auto-installer-mode.toml', 65_536);
    expect(parse(mode.toString())).toEqual({
      mode: 'http',
      http: { url: `https://127.0.0.1:6385${the.armed.urls.answer}`, token: the.armed.urls.token.replace('Bearer ', '') },
    });
    expect(the.expected).toEqual([`${the.armed.uuid} https://127.0.0.1:6385`]);
    expect(the.downloads().map(({ file, state }) => [file, state])).toEqual(
      ['vmlinuz', 'initrd.img', 'proxmox.iso'].map((name) => [`pve1.home.arpa/${name}`, 'done']),
    );
    await expect.poll(async () => (await the.site.book.get(the.armed.uuid)).isoBytes, { timeout: 20_000 }).toBe(iso.length);
  });

  it('is given in ranges that fit together, by a validator that a second look has too', async () => {
    const the = await booting();
    await the.installs.begin(the.site.node.uuid);
    const whole = await the.get('proxmox.iso');
    const iso = await bytesOf(whole);
    const etag = whole.headers.get('etag') ?? '';
    for (const [start, end] of [
      [0, 2047],
      [16 * 2048, 16 * 2048 + 100],
      [iso.length - 5000, iso.length - 1],
    ]) {
      const part = await the.get('proxmox.iso', { range: `bytes=${start}-${end}`, 'if-range': etag });
      expect(part.status).toBe(206);
      expect(await bytesOf(part)).toEqual(iso.subarray(start, (end ?? 0) + 1));
    }
    const head = await fetch(`${the.base}/${the.armed.bootId}/proxmox.iso`, { method: 'HEAD' });
    expect([head.headers.get('content-length'), head.headers.get('etag')]).toEqual([String(iso.length), etag]);
  });

  it('is nothing under another id or name, and no id of an installation is in the log', async () => {
    const the = await booting();
    await the.installs.begin(the.site.node.uuid);
    for (const path of [
      `${'A'.repeat(22)}/vmlinuz`,
      `${the.armed.bootId}/linux26`,
      `${the.armed.bootId}/../${the.armed.bootId}`,
      `${the.armed.bootId}`,
      `${the.armed.bootId}x/vmlinuz`,
      `${the.armed.bootId}/constructor`,
    ])
      expect((await fetch(`${the.base}/${path}`)).status, path).toBe(404);
    await bytesOf(await the.get('vmlinuz'));
    await expect.poll(() => JSON.stringify(the.lines), { timeout: 20_000 }).toContain('/boot/install/***/vmlinuz');
    expect(JSON.stringify(the.lines)).not.toContain(the.armed.bootId);
  });

  it('is gone once the answer was served, and whoever asks for the boot script then ends nothing', async () => {
    const the = await booting();
    await the.installs.begin(the.site.node.uuid);
    expect((await the.site.ask(the.armed.urls.answer)).statusCode).toBe(200);
    expect((await the.get('proxmox.iso')).status).toBe(404);
    expect(await the.installs.begin(the.site.node.uuid)).toBeUndefined();
    const verdict = decideInstall(await the.installs.progress(the.site.node.uuid));
    expect(verdict).toMatchObject({ run: 'hold', isBack: true });
    await the.installs.cameBack(the.site.node.uuid, verdict.reason);
    await the.installs.cameBack(the.site.node.uuid, verdict.reason);
    expect(await the.site.events('install.came_back')).toEqual([containing('not installed a second time')]);
    expect(await the.stage()).toBe('answered');
    expect((await the.site.post(the.armed.urls.done, hookBody())).statusCode).toBe(200);
    expect(await the.stage()).toBe('installed');
    expect(decideInstall(await the.installs.progress(the.site.node.uuid))).toMatchObject({ run: 'own-disk' });
  });

  it('is booted three times at most, also when many ask at the same time', async () => {
    const the = await booting();
    for (const boots of [1, 2, 3]) {
      const begun = await Promise.all(Array.from({ length: 8 }, () => the.installs.begin(the.site.node.uuid)));
      expect(begun.filter((one) => one !== undefined)).toHaveLength(8);
      expect(await the.site.book.get(the.armed.uuid)).toMatchObject({ boots, stage: 'script' });
      await bytesOf(await the.get('vmlinuz'));
      await expect.poll(the.stage, { timeout: 20_000 }).toBe('kernel');
    }
    expect(await the.installs.begin(the.site.node.uuid)).toBeUndefined();
    expect(decideInstall(await the.installs.progress(the.site.node.uuid))).toMatchObject({ run: 'hold', isBack: true });
  });

  it('is nothing for a node that is not installed', async () => {
    const the = await booting();
    const other = '00000000-0000-4000-8000-000000000001';
    expect([await the.installs.progress(other), await the.installs.begin(other)]).toEqual([null, undefined]);
    await the.installs.cameBack(other, 'whatever');
    expect(decideInstall(await the.installs.progress(other)).run).toBe('hold');
  });
});
