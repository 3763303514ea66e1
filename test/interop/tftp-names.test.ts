// Names that try to leave the boot files: refused, and nothing of the file system is touched for them.

import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createTftpFiles } from '../../src/boot/index.ts';
import { serve } from './tftp/harness.ts';
import { peer, read } from './tftp/peer.ts';

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return { ...real, open: vi.fn(real.open) };
});

const UP = [
  '../',
  '..\\',
  '..//',
  './../',
  '....//',
  '..;/',
  '%2e%2e/',
  '%2e%2e%2f',
  '..%2f',
  '..%5c',
  '..%c0%af',
  '%252e%252e%252f',
  '.../',
];
const TARGETS = ['etc/passwd', 'etc\\passwd', 'windows/win.ini'];
const ABSOLUTE = [
  '/etc/passwd',
  '//etc/passwd',
  'C:\\boot.ini',
  '\\\\host\\share\\x',
  'file:///etc/passwd',
  '/proc/self/environ',
  '~root/.ssh/id_rsa',
];
const NEARLY = ['LOADER.EFI', 'loader.efi ', 'loader.efi.', 'loader.efi/', 'loader.efi::$DATA', './loader.efi', 'x/../loader.efi'];
const ODD = ['', '.', '..', '/', '\\', 'manifest.json', '__proto__', 'constructor', 'a'.repeat(1000), '*', '?', 'con', 'nul'];
const CLIMBING = UP.flatMap((up) =>
  TARGETS.flatMap((target) => [up + target, up.repeat(8) + target, `/${up.repeat(4)}${target}`, `loader.efi/${up.repeat(6)}${target}`]),
);
const TRAVERSALS = [...CLIMBING, ...ABSOLUTE, ...NEARLY, ...ODD];

it(`${TRAVERSALS.length} names that try to get out of the boot files are refused, and no file is opened for any of them`, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-names-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, 'loader.efi');
  await writeFile(path, 'loader');
  await writeFile(join(directory, 'manifest.json'), '{}');
  const find = createTftpFiles({
    files: new Map([['loader.efi', { name: 'loader.efi', path, size: 6, sha256: '' }]]),
    startScript: () => '',
    grub: { file: () => Promise.resolve(undefined) },
    ourAddress: () => Promise.resolve('127.0.0.1'),
  });
  const { port, server } = await serve({ find });
  vi.mocked(open).mockClear();
  for (const name of TRAVERSALS) {
    const client = await peer();
    client.send(read(name), port);
    expect((await client.next()).packet, name).toMatchObject({ op: 'error', code: 1 });
  }
  expect(vi.mocked(open)).not.toHaveBeenCalled();
  expect(server.counters()).toMatchObject({ refused: TRAVERSALS.length, bytes: 0 });
  // The same eyes see the one file that may be opened.
  const client = await peer();
  client.send(read('/loader.efi'), port);
  expect((await client.next()).packet).toMatchObject({ op: 'data', block: 1 });
  expect(vi.mocked(open)).toHaveBeenCalledExactlyOnceWith(path, 'r');
});
