// Images made by qemu-img and its like, over HTTP that breaks, onto files in place of disks: every byte is looked at.

import { createCipheriv, createHash } from 'node:crypto';
import { copyFile, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWriteImage } from '../../../src/agent/commands/image/write-image.ts';
import { runProgram } from '../../../src/lib/index.ts';
import { fileDisk, hands, refTo } from '../../support/hands.ts';
import { serveImages } from '../../support/image-server.ts';

const MIB = 2 ** 20;
const IMAGE = 96 * MIB;
const DISK = 300 * MIB;
const LIMITS = { pauseMs: 5, patienceMs: 2000, idleMs: 2000 };

let directory: string;
const images = new Map<string, Buffer>();

async function tool(command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(command, args, { timeoutMs: 120_000 });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** GPT with a root partition that holds an ext4 with files and holes. */
async function makeRaw(path: string): Promise<void> {
  await fileDisk(path, IMAGE);
  await tool('sgdisk', '-n', '1:2048:+1M', '-t', '1:ef02', '-n', '2:0:0', '-t', '2:8300', '-c', '2:root', path);
  const root = join(directory, 'root');
  await fileDisk(root, 80 * MIB);
  await tool('mkfs.ext4', '-q', '-F', '-U', '11111111-2222-3333-4444-555555555555', '-d', join(import.meta.dirname, '..'), root);
  const handle = await open(path, 'r+');
  await handle.write(await readFile(root), 0, 80 * MIB, 2 * MIB);
  // Something that does not compress, and a hole between.
  await handle.write(noise(3 * MIB), 0, 3 * MIB, 85 * MIB);
  await handle.close();
}

/** The same every time. */
function noise(bytes: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(bytes));
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rackseed-image-'));
  const raw = join(directory, 'a.raw');
  await makeRaw(raw);
  const at = (name: string): string => join(directory, name);
  await tool('zstd', '-q', raw, '-o', at('a.raw.zst'));
  await tool('xz', '-0', '-k', raw);
  await tool('gzip', '-1', '-k', raw);
  await tool('bzip2', '-1', '-k', raw);
  await tool('qemu-img', 'convert', '-O', 'qcow2', raw, at('a.qcow2'));
  await tool('qemu-img', 'convert', '-c', '-O', 'qcow2', raw, at('zlib.qcow2'));
  await tool('qemu-img', 'convert', '-c', '-o', 'compression_type=zstd,cluster_size=4k', '-O', 'qcow2', raw, at('zstd.qcow2'));
  await tool('qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', raw, at('backed.qcow2'));
  await tool('zstd', '-q', at('a.qcow2'), '-o', at('a.qcow2.zst'));
  const names = [
    'a.raw',
    'a.raw.zst',
    'a.raw.xz',
    'a.raw.gz',
    'a.raw.bz2',
    'a.qcow2',
    'zlib.qcow2',
    'zstd.qcow2',
    'backed.qcow2',
    'a.qcow2.zst',
  ];
  for (const name of names) images.set(`/${name}`, await readFile(at(name)));
});

afterAll(() => rm(directory, { recursive: true, force: true }));

function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

interface Wanted {
  readonly checksum?: string | null;
  readonly size?: number;
  readonly old?: boolean;
  readonly path?: string;
  readonly prepare?: (server: Awaited<ReturnType<typeof serveImages>>) => void;
}

async function write(name: string, { checksum, size = DISK, old = true, path = name, prepare }: Wanted = {}) {
  const disk = join(directory, `disk-${name.replaceAll('/', '-')}-${Math.trunc(performance.now())}`);
  await fileDisk(disk, size, old);
  const server = await serveImages(Object.fromEntries(images));
  prepare?.(server);
  const context = hands({ sizes: new Map([[disk, size]]) });
  const bytes = images.get(name) ?? Buffer.alloc(0);
  const args = {
    disk: refTo(disk, size),
    url: server.url(path),
    checksum: checksum === undefined ? sha256(bytes) : checksum,
    isAppliance: false,
    format: 'auto',
    compression: 'auto',
    grow: true,
  } as const;
  const work = createWriteImage(LIMITS)(args, context);
  const outcome = await work.then(
    (done) => ({ done, failed: undefined }),
    (error: unknown) => ({ done: undefined, failed: error instanceof Error ? error : new Error(String(error)) }),
  );
  return { disk, context, server, ...outcome };
}

/** All but partition tables and what grows: those are sgdisk's to judge. */
async function expectWritten(disk: string): Promise<void> {
  const raw = images.get('/a.raw') ?? Buffer.alloc(0);
  const handle = await open(disk, 'r');
  try {
    const bytes = Buffer.alloc(IMAGE - MIB - 33 * 512);
    await handle.read(bytes, 0, bytes.length, MIB);
    expect(bytes.equals(raw.subarray(MIB, MIB + bytes.length))).toBe(true);
  } finally {
    await handle.close();
  }
  expect(await tool('sgdisk', '-v', disk)).toContain('No problems found');
  expect(await tool('sgdisk', '-i', '2', disk)).toMatch(/Partition size: \d+ sectors \(23[0-9]\.\d MiB\)/);
}

async function headOf(disk: string): Promise<Buffer> {
  return (await readFile(disk)).subarray(0, MIB);
}

describe('an image', () => {
  it.each(['/a.raw', '/a.raw.zst', '/a.raw.xz', '/a.raw.gz', '/a.raw.bz2', '/a.qcow2', '/zlib.qcow2', '/zstd.qcow2'])(
    'is on the disk byte for byte, over what was there, and the table fits the disk: %s',
    async (name) => {
      const { disk, done, failed } = await write(name);
      expect(failed).toBeUndefined();
      await expectWritten(disk);
      expect(done?.result).toMatchObject({ bytes: IMAGE, disk: expect.stringContaining('disk') as string });
      expect(done?.result.rootUuid).toBe('11111111-2222-3333-4444-555555555555');
      expect(done?.result.on).toMatchObject({ size: DISK });
      expect(done?.result.holds?.join(' ')).toMatch(/partition 2 .*table gpt [0-9a-f-]{36}/);
    },
  );

  it('goes to the disk that has the serial when its server has answered, not to the one that had its name before', async () => {
    const [disk, other] = [join(directory, 'moved'), join(directory, 'other')];
    await fileDisk(disk, DISK, true);
    await fileDisk(other, DISK, true);
    const before = await headOf(other);
    const server = await serveImages(Object.fromEntries(images));
    const context = hands({ sizes: new Map([[disk, DISK]]) });
    const resolve: typeof context.resolve = async (refs) =>
      (await context.resolve(refs)).map((one) => (server.asked.length === 0 ? { ...one, path: other } : one));
    const args = { disk: refTo(disk, DISK), url: server.url('/a.raw.zst'), checksum: null, isAppliance: false } as const;
    await createWriteImage(LIMITS)({ ...args, format: 'auto', compression: 'auto', grow: true }, { ...context, resolve });
    await expectWritten(disk);
    expect((await headOf(other)).equals(before)).toBe(true);
  });

  it.each(['/a.raw', '/a.raw.zst', '/zlib.qcow2'])('goes on where the connection broke, three times: %s', async (name) => {
    const { disk, failed, server } = await write(name, { prepare: ({ breaks }) => void breaks.push(300_000, 5, 900_000) });
    expect(failed).toBeUndefined();
    await expectWritten(disk);
    const resumed = server.asked.filter(({ ifRange }) => ifRange !== undefined);
    expect(resumed.length).toBeGreaterThanOrEqual(3);
    expect(resumed.every(({ range, ifRange }) => range?.endsWith('-') === true && ifRange === '"one"')).toBe(true);
  });

  it('goes on also where the server gives no ranges, by reading past what it has', async () => {
    const { disk, failed } = await write('/a.raw', {
      prepare: (server) => {
        server.takesRanges = false;
        server.breaks.push(1_500_000);
      },
    });
    expect(failed).toBeUndefined();
    await expectWritten(disk);
  });

  it('is not gone on with when it is another file by then', async () => {
    const { disk, failed } = await write('/a.raw', {
      prepare: (server) => {
        server.breaks.push(1_500_000);
        const push = server.asked.push.bind(server.asked);
        server.asked.push = (...items) => {
          if (server.asked.length > 0) server.etag = '"two"';
          return push(...items);
        };
      },
    });
    expect(failed?.message).toContain('it is another file now');
    expect((await headOf(disk)).every((byte) => byte === 0)).toBe(true);
  });

  it('follows a redirect', async () => {
    const { disk, failed } = await write('/a.raw.zst', { path: '/moved/a.raw.zst' });
    expect(failed).toBeUndefined();
    await expectWritten(disk);
  });

  it('with another checksum leaves a disk that starts nothing', async () => {
    const { disk, failed } = await write('/a.raw', { checksum: `sha256:${'0'.repeat(64)}` });
    expect(failed?.message).toMatch(/its sha256 is [0-9a-f]{64} and should be 0{64}/);
    expect((await headOf(disk)).every((byte) => byte === 0)).toBe(true);
    const end = (await readFile(disk)).subarray(-MIB);
    expect(end.every((byte) => byte === 0)).toBe(true);
  });

  it.each([['/a.raw'], ['/a.qcow2']])('that is larger than the disk is refused with the disk as it was: %s', async (name) => {
    const { disk, failed } = await write(name, { size: 64 * MIB });
    expect(failed?.message).toMatch(/has \d+ bytes, and|of a disk of \d+ bytes/);
    expect((await headOf(disk)).toString('latin1', 0, 16)).toBe('left by somebody');
  });

  it('that turns out larger than the disk when it is unpacked starts nothing', async () => {
    const { disk, failed } = await write('/a.raw.zst', { size: 64 * MIB });
    expect(failed?.message).toContain('larger than');
    expect((await headOf(disk)).every((byte) => byte === 0)).toBe(true);
  });

  it('that needs a file beside it is refused with the disk as it was', async () => {
    const { disk, failed } = await write('/backed.qcow2');
    expect(failed?.message).toContain('backing file');
    expect((await headOf(disk)).toString('latin1', 0, 16)).toBe('left by somebody');
  });

  it('of qcow2 packed once more is refused in words, and starts nothing', async () => {
    const { disk, failed } = await write('/a.qcow2.zst');
    expect(failed?.message).toContain('zstd around qcow2');
    expect((await headOf(disk)).every((byte) => byte === 0)).toBe(true);
  });

  it('of qcow2 needs a server that gives ranges', async () => {
    const { failed } = await write('/a.qcow2', {
      prepare: (server) => {
        server.takesRanges = false;
      },
    });
    expect(failed?.message).toContain('gives no ranges');
  });

  it('that is cut off when it is unpacked fails', async () => {
    const { failed } = await write('/a.raw.xz', {
      checksum: null,
      prepare: ({ files }) => void files.set('/a.raw.xz', (images.get('/a.raw.xz') ?? Buffer.alloc(0)).subarray(0, 2_000_000)),
    });
    expect(failed?.message).toContain('could not unpack');
  });

  it('that nobody has, or that is empty, fails with the reason', async () => {
    expect((await write('/nothing')).failed?.message).toContain('HTTP 404');
    const empty = await write('/a.raw', { prepare: ({ files }) => void files.set('/a.raw', Buffer.alloc(0)), checksum: null });
    expect(empty.failed?.message).toContain('empty');
  });

  it('of which not all clusters are there is not taken for one', async () => {
    const name = '/a.qcow2';
    const { failed } = await write(name, {
      checksum: null,
      prepare: ({ files }) => void files.set(name, (images.get(name) ?? Buffer.alloc(0)).subarray(0, -2 * MIB)),
    });
    expect(failed?.message).toMatch(/the image ends|no parts of it/);
  });
});

describe('progress', () => {
  it('says how much, of how much, and how fast', async () => {
    const { context } = await write('/a.raw');
    expect(context.progressed.some(({ text }) => /^\d+ of 96 MiB, \d+ MiB\/s$/.test(text))).toBe(true);
    expect(context.progressed.every(({ fraction }) => fraction >= 0 && fraction <= 1)).toBe(true);
  });
});

it('a raw image of a file system alone needs no partition table', async () => {
  await copyFile(join(directory, 'root'), join(directory, 'fs.raw'));
  images.set('/fs.raw', await readFile(join(directory, 'fs.raw')));
  const { failed, done, disk } = await write('/fs.raw');
  expect(failed).toBeUndefined();
  expect(done?.result.rootUuid).toBe('11111111-2222-3333-4444-555555555555');
  const bytes = await readFile(disk);
  expect(bytes.subarray(0, 80 * MIB).equals(images.get('/fs.raw') ?? Buffer.alloc(0))).toBe(true);
});
