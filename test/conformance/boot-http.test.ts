import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fail } from '../../src/boot/errors.ts';
import { type BootHttp, createBootHttp, loadBootFiles } from '../../src/boot/index.ts';
import { silentLog, systemClock } from '../../src/lib/index.ts';
import { containing } from '../support/containing.ts';

const content = randomBytes(3 * 1024 * 1024 + 17);
let directory: string;
let http: BootHttp;
let base: string;
/** The machines that a script was made for. */
const scripts: string[] = [];

const serve = async (port = 0, signal = AbortSignal.timeout(10_000)): Promise<BootHttp> => {
  const server = createBootHttp({
    host: '127.0.0.1',
    port,
    files: await loadBootFiles(directory),
    startScript: (address) => `#!ipxe\n# start from ${address}`,
    machineScript: async (query) => {
      if (query.get('mac') === null) throw fail('boot.bad_request', { message: 'no mac', hint: 'send one' });
      scripts.push(query.get('mac') ?? '');
      return `#!ipxe\n# for ${query.get('mac')}`;
    },
    clock: systemClock,
    log: silentLog,
  });
  await server.start(signal);
  return server;
};

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rackseed-boot-'));
  await mkdir(join(directory, 'agent'));
  await writeFile(join(directory, 'agent', 'kernel'), content);
  await writeFile(join(directory, 'kernel.bin'), content);
  const sha256 = createHash('sha256').update(content).digest('hex');
  await writeFile(
    join(directory, 'manifest.json'),
    JSON.stringify({ artefacts: [{ name: 'agent/kernel', size: content.length, sha256 }] }),
  );
  http = await serve();
  base = `http://127.0.0.1:${http.port()}`;
});

afterAll(async () => {
  await http.stop();
  await http.stop();
  await rm(directory, { recursive: true });
});

describe('the boot listener', () => {
  it('serves scripts', async () => {
    expect(await (await fetch(`${base}/boot/start.ipxe`)).text()).toBe('#!ipxe\n# start from 127.0.0.1\n');
    expect(await (await fetch(`${base}/boot/files/autoexec.ipxe`)).text()).toContain('start');
    expect(await (await fetch(`${base}/boot/machine.ipxe?mac=1`)).text()).toContain('for 1');
  });

  it('serves a boot file whole, and its size without it', async () => {
    const whole = await fetch(`${base}/boot/files/agent/kernel`);
    expect(Buffer.from(await whole.arrayBuffer()).equals(content)).toBe(true);
    const head = await fetch(`${base}/boot/files/agent/kernel`, { method: 'HEAD' });
    expect([head.headers.get('content-length'), (await head.arrayBuffer()).byteLength]).toEqual([String(content.length), 0]);
  });

  it('serves a part of a boot file', async () => {
    const part = await fetch(`${base}/boot/files/agent/kernel`, { headers: { range: 'bytes=1000000-2000000' } });
    expect(part.status).toBe(206);
    expect(part.headers.get('content-range')).toBe(`bytes 1000000-2000000/${content.length}`);
    expect(Buffer.from(await part.arrayBuffer()).equals(content.subarray(1_000_000, 2_000_001))).toBe(true);
    expect((await fetch(`${base}/boot/files/agent/kernel`, { headers: { range: `bytes=${content.length}-` } })).status).toBe(416);
  });

  it('gives nothing but what the manifest names', async () => {
    for (const path of [
      '/',
      '/boot/files/kernel.bin',
      '/boot/files/manifest.json',
      '/boot/files/../kernel.bin',
      '/boot/files/%2e%2e/kernel.bin',
      '/api/nodes',
      '/boot/files/constructor',
    ]) {
      expect((await fetch(`${base}${path}`)).status, path).toBe(404);
    }
    expect((await fetch(`${base}/boot/files/agent/kernel`, { method: 'PUT', body: 'x' })).status).toBe(405);
  });

  it('says what is wrong with a bad request and lives on', async () => {
    const answer = await fetch(`${base}/boot/machine.ipxe`);
    expect([answer.status, await answer.text()]).toEqual([400, 'no mac\nsend one\n']);
    expect((await fetch(`${base}/boot/start.ipxe`)).status).toBe(200);
  });

  it('goes on when the time for its start is over', async () => {
    const start = new AbortController();
    const other = await serve(0, start.signal);
    start.abort();
    expect((await fetch(`http://127.0.0.1:${other.port()}/boot/start.ipxe`)).status).toBe(200);
    await other.stop();
    await expect(serve(0, start.signal)).rejects.toThrow('aborted');
  });

  it('makes a script once for the HEAD and the GET of one machine', async () => {
    const url = `http://127.0.0.1:${http.port()}/boot/machine.ipxe?mac=52-54-00-00-00-77`;
    const before = scripts.length;
    const head = await fetch(url, { method: 'HEAD' });
    const body = await (await fetch(url)).text();
    expect([scripts.length - before, head.headers.get('content-length')]).toEqual([1, String(body.length)]);
    await (await fetch(url)).text();
    expect(scripts.length - before).toBe(2);
  });

  it('names the port that another program holds, and the way out', async () => {
    await expect(serve(http.port())).rejects.toMatchObject({
      code: 'boot.port_in_use',
      message: containing(`process ${process.pid}`),
      hint: containing('server.boot_listen'),
    });
  });
});

describe('boot files', () => {
  it('that are missing or cut short are refused at start with the way out', async () => {
    await expect(loadBootFiles(join(directory, 'nowhere'))).rejects.toMatchObject({
      code: 'boot.artefacts_missing',
      hint: containing('rackseed image build'),
    });
    const short = await mkdtemp(join(tmpdir(), 'rackseed-boot-'));
    await writeFile(join(short, 'a'), 'abc');
    await writeFile(join(short, 'manifest.json'), JSON.stringify({ artefacts: [{ name: 'a', size: 4, sha256: '' }] }));
    await expect(loadBootFiles(short)).rejects.toThrow(/a has 3 bytes, the manifest says 4/);
    for (const name of ['../a', '/etc/passwd', 'a//b', '..', '.hidden']) {
      await writeFile(join(short, 'manifest.json'), JSON.stringify({ artefacts: [{ name, size: 3, sha256: '' }] }));
      await expect(loadBootFiles(short), name).rejects.toThrow(/no name of a file/);
    }
    await rm(short, { recursive: true });
  });
});
