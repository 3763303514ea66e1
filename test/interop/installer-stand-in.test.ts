// The stand-in for the installer, by itself: with a good answer it installs a system that boots by itself, is reached with the keys that its
// web hook was told, and has run its first-boot program; with a bad one it stops before a disk is touched.

import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { runProgram } from '../../src/lib/index.ts';
import { standInIso } from '../sim/installer/iso/build.ts';
import { blankDisk, tool } from '../support/disk-images.ts';
import { createGuest, type Guest, type GuestOptions, HOST } from '../support/installer-guest.ts';

const GIB = 2 ** 30;
const LIMIT_MS = 8 * 60_000;

interface Asked {
  readonly what: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

let directory: string;
let server: Server;
let url: string;
let fingerprint: string;
let sshKey: string;
let answer = '';
const asked: Asked[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rackseed-stand-in-'));
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const request = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-subj',
    '/CN=none',
    '-days',
    '1',
  ];
  await tool('openssl', [...request, '-keyout', key, '-out', cert]);
  const der = await tool('openssl', ['x509', '-in', cert, '-noout', '-fingerprint', '-sha256']);
  fingerprint = der.trim().split('=')[1] ?? '';
  await tool('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, 'id')]);
  sshKey = (await readFile(join(directory, 'id.pub'), 'utf8')).trim();
  server = createServer({ key: await readFile(key), cert: await readFile(cert) }, (incoming, outgoing) => {
    let body = '';
    incoming.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    incoming.on('end', () => {
      asked.push({ what: `${incoming.method} ${incoming.url}`, headers: incoming.headers, body });
      outgoing.end(incoming.url === '/answer' ? answer : incoming.url === '/first-boot' ? firstBootProgram() : '');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `https://${HOST}:${(server.address() as AddressInfo).port}`; // a TCP server has such an address
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(directory, { recursive: true });
});

const firstBootProgram = (): string => `#!/bin/sh\nexec curl --insecure --silent --retry 5 --data "ordering=$1" ${url}/up\n`;

const modeFile = (): string => `mode = "http"\n[http]\nurl = "${url}/answer"\ncert_fingerprint = "${fingerprint}"\n`;

const goodAnswer = (change: (text: string) => string = (text) => text): string =>
  change(`[global]
keyboard = "en-us"
country = "de"
fqdn = "pve7.example.org"
mailto = "root@example.org"
timezone = "Europe/Berlin"
root-password-hashed = "$6$salt$notapassword"
root-ssh-keys = ["${sshKey}"]
[network]
source = "from-answer"
cidr = "10.0.2.15/24"
dns = "10.0.2.3"
gateway = "10.0.2.2"
filter.ID_NET_NAME_MAC = "enx525400ab0d01"
interface-name-pinning.enabled = true
interface-name-pinning.mapping = { "52:54:00:ab:0d:01" = "mgmt0" }
[disk-setup]
filesystem = "zfs"
zfs.raid = "raid1"
filter.ID_SERIAL = "GUEST-DISK-[01]"
[post-installation-webhook]
url = "${url}/done"
cert-fingerprint = "${fingerprint}"
[first-boot]
source = "from-url"
ordering = "network-online"
url = "${url}/first-boot"
cert-fingerprint = "${fingerprint.toLowerCase().replaceAll(':', '')}"
`);

async function freePort(): Promise<number> {
  const probe = createTcpServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo; // as above
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function guest(options: Pick<GuestOptions, 'firmware' | 'disks'>): Promise<Guest & { readonly sshPort: number }> {
  const own = await mkdtemp(join(directory, 'guest-'));
  const sshPort = await freePort();
  const machine = await createGuest({ directory: own, sshPort, ...options });
  onTestFinished(() => machine.stop());
  return { ...machine, sshPort };
}

const digest = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
const stages = (console: string): string[] => [...console.matchAll(/^installer: (.*?)\r?$/gm)].map((match) => match[1] ?? '');

/** The system of Debian's own archive needs minutes to be made the first time. */
const iso = (): Promise<string> => standInIso({ prepared: { modeFile: modeFile(), path: join(directory, 'installer.iso') } });

describe('the stand-in', () => {
  it('installs what a good answer says, tells so, and the system comes up with the key and address that it told of', {
    timeout: 2 * LIMIT_MS,
  }, async () => {
    answer = goodAnswer();
    const disks = [
      await blankDisk(join(directory, 'a'), 9 * GIB),
      await blankDisk(join(directory, 'b'), 9 * GIB),
      await blankDisk(join(directory, 'c'), 2 ** 26),
    ];
    await tool('mkfs.ext4', ['-q', '-F', '-L', 'photos', disks[2] ?? '']);
    const foreign = await digest(disks[2] ?? '');
    const machine = await guest({ firmware: 'uefi', disks });

    await machine.bootInstaller(await iso());
    await machine.ended(LIMIT_MS);
    const said = stages(await machine.console());
    expect(said.at(-1)).toBe('reboot');
    expect(said).toContain('iso /proxmox.iso');
    expect(said.join('\n')).toMatch(/disks \/dev\/vda \/dev\/vdb of \/dev\/vda \/dev\/vdb \/dev\/vdc; management \w+/);

    expect(asked.map(({ what }) => what)).toEqual(['POST /answer', 'GET /first-boot', 'POST /done']);
    expect(asked[0]?.headers).toMatchObject({ 'content-type': 'application/json; charset=utf-8' });
    expect(JSON.parse(asked[0]?.body ?? '')).toMatchObject({
      $schema: { version: '1.0' },
      product: { fullname: 'Proxmox VE', product: 'pve', enable_btrfs: true },
      iso: { release: '9.1', isorelease: '1' },
      dmi: { system: { serial: 'GUEST-1', uuid: '4c4c4544-0042-3510-8051-b4c04f4d3201', name: 'Guest' } },
      network_interfaces: [{ mac: '52:54:00:ab:0d:01' }],
    });
    const done = JSON.parse(asked[2]?.body ?? '') as { 'ssh-public-host-keys': { ed25519: string }; 'machine-id': string; disks: object[] }; // as the next line looks
    expect(done).toMatchObject({
      $schema: { version: '1.2' },
      fqdn: 'pve7.example.org',
      filesystem: 'zfs (RAID1)',
      'boot-info': { mode: 'efi', secureboot: false },
      'network-interfaces': [{ name: 'mgmt0', address: '10.0.2.15/24', 'is-management': true, 'is-pinned': true }],
    });
    expect(done['machine-id']).toMatch(/^[0-9a-f]{32}$/);
    expect(done.disks.filter((disk) => 'is-bootdisk' in disk)).toHaveLength(2);
    for (const disk of disks.slice(0, 2))
      expect((await runProgram('sgdisk', ['--print', disk])).stdout).toMatch(/EF02[\s\S]*EF00[\s\S]*BF01/);

    await machine.bootDisk();
    await machine.says('INSTALLED up: pve7', LIMIT_MS);
    await expect.poll(() => asked.at(-1), { timeout: LIMIT_MS }).toMatchObject({ what: 'POST /up', body: 'ordering=network-online' });
    const known = join(directory, 'known');
    await writeFile(known, `[127.0.0.1]:${machine.sshPort} ${done['ssh-public-host-keys'].ed25519}\n`);
    const words = [
      '-F',
      'none',
      '-p',
      String(machine.sshPort),
      '-i',
      join(directory, 'id'),
      '-o',
      'BatchMode=yes',
      '-o',
      'StrictHostKeyChecking=yes',
    ];
    const inside = await runProgram(
      'ssh',
      [
        ...words,
        '-o',
        `UserKnownHostsFile=${known}`,
        'root@127.0.0.1',
        'ip -o addr show vmbr0; efibootmgr; ls /var/lib/proxmox-first-boot',
      ],
      { timeoutMs: 120_000 },
    );
    expect(inside).toMatchObject({ code: 0 });
    expect(inside.stdout).toContain('10.0.2.15/24');
    expect(inside.stdout).toContain('Linux Boot Manager');
    await machine.stop();
    expect(await digest(disks[2] ?? '')).toBe(foreign);
  });

  it('stops before it writes to a disk when the answer asks for what can not be', { timeout: LIMIT_MS }, async () => {
    asked.length = 0;
    answer = goodAnswer((text) => text.replace('"GUEST-DISK-[01]"', '"GUEST-DISK-0"'));
    const disk = await blankDisk(join(directory, 'alone'), 9 * GIB);
    const machine = await guest({ firmware: 'bios', disks: [disk] });

    await machine.bootInstaller(await iso());
    await machine.says('installer: FAILED storage: zfs (RAID1): need at least 2 disks, 1 selected', LIMIT_MS);
    await machine.stop();
    expect((await stat(disk)).blocks).toBe(0);
    expect(asked.map(({ what }) => what)).toEqual(['POST /answer', 'GET /first-boot']);
  });
});
