// nginx in front of the boot listener: it sends the files itself (X-Accel-Redirect), and everything else comes from us.

import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BootHttp, createBootHttp } from '../../src/boot/index.ts';
import { silentLog, systemClock } from '../../src/lib/index.ts';
import { freePort } from '../support/appliance.ts';

const content = randomBytes(300_000);
const sha256 = createHash('sha256').update(content).digest('hex');
let directory: string;
let http: BootHttp;
let nginx: ChildProcess;
let front: string;
let direct: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rackseed-nginx-'));
  const root = join(directory, 'artefacts');
  await mkdir(join(root, 'content'), { recursive: true });
  await writeFile(join(root, 'content', sha256), content);
  await writeFile(join(directory, 'own'), content);
  const stored = (name: string, path: string) => ({ name, path, size: content.length, sha256 });
  http = createBootHttp({
    host: '127.0.0.1',
    port: 0,
    files: new Map([
      ['ipxe.efi', stored('ipxe.efi', join(root, 'content', sha256))],
      ['own.efi', stored('own.efi', join(directory, 'own'))],
    ]),
    startScript: (address) => `start from ${address}`,
    machineScript: () => Promise.resolve('machine'),
    texts: ({ path, peer }) => Promise.resolve(path === '/boot/who' ? { body: peer, contentType: 'text/plain' } : undefined),
    accel: { prefix: '/rackseed-files/', root, proxies: new Set(['127.0.0.1']) },
    clock: systemClock,
    log: silentLog,
  });
  await http.start(AbortSignal.timeout(10_000));
  const port = await freePort();
  [front, direct] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${http.port()}`];
  nginx = await startNginx(port, root);
});

afterAll(async () => {
  if (nginx.exitCode === null) {
    const ended = once(nginx, 'exit');
    nginx.kill('SIGTERM');
    await ended;
  }
  await http.stop();
  await rm(directory, { recursive: true });
});

async function startNginx(port: number, root: string): Promise<ChildProcess> {
  const config = join(directory, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${directory}/${name};`);
  const text = `${process.getuid?.() === 0 ? 'user root;' : ''}
    worker_processes 1; daemon off; pid ${directory}/nginx.pid; error_log stderr notice;
    events { worker_connections 64; }
    http {
      access_log off; sendfile on; ${temporary.join(' ')}
      server {
        listen 127.0.0.1:${port};
        location / {
          proxy_pass http://127.0.0.1:${http.port()};
          proxy_set_header X-Real-IP $remote_addr;
          proxy_set_header X-Server-Address 10.9.8.7;
        }
        location /rackseed-files/ { internal; alias ${root}/; }
      }
    }`;
  await writeFile(config, text);
  const child = spawn('nginx', ['-c', config, '-p', directory, '-e', 'stderr'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`nginx ended: ${said}`)));
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('start worker process ')) resolve();
    });
  });
  return child;
}

async function bytesOf(url: string, headers: Readonly<Record<string, string>> = {}) {
  const answer = await fetch(url, { headers });
  return { status: answer.status, headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) };
}

describe('behind nginx', () => {
  it('a file is sent by nginx, with the type that firmware wants, and none of its bytes by us', async () => {
    const before = http.counters().bytes;
    const { status, headers, bytes } = await bytesOf(`${front}/boot/files/ipxe.efi`);
    expect([status, headers.get('content-type'), headers.get('content-length')]).toEqual([200, 'application/efi', String(content.length)]);
    expect(bytes.equals(content)).toBe(true);
    expect([headers.get('server')?.split('/')[0], http.counters().bytes]).toEqual(['nginx', before]);
  });

  it('HEAD, ranges and conditions work by the validators of nginx', async () => {
    const url = `${front}/boot/files/ipxe.efi`;
    const head = await fetch(url, { method: 'HEAD' });
    const etag = head.headers.get('etag') ?? '';
    expect([head.headers.get('content-length'), etag.length > 2]).toEqual([String(content.length), true]);
    const part = await bytesOf(url, { range: 'bytes=1000-1999', 'if-range': etag });
    expect([part.status, part.bytes.equals(content.subarray(1000, 2000))]).toEqual([206, true]);
    expect((await bytesOf(url, { range: 'bytes=1000-1999', 'if-range': '"other"' })).status).toBe(200);
    expect((await bytesOf(url, { 'if-none-match': etag })).status).toBe(304);
    expect((await bytesOf(url, { 'if-match': etag })).status).toBe(200);
    expect((await bytesOf(url, { 'if-match': '"other"' })).status).toBe(412);
  });

  it('a file that lies elsewhere is sent by us, through nginx', async () => {
    const before = http.counters().bytes;
    const { status, headers, bytes } = await bytesOf(`${front}/boot/files/own.efi`);
    expect([status, headers.get('etag'), bytes.equals(content)]).toEqual([200, `"${sha256}"`, true]);
    expect(http.counters().bytes - before).toBe(content.length);
  });

  it('texts know the machine and the address that it reached', async () => {
    expect((await bytesOf(`${front}/boot/start.ipxe`)).bytes.toString()).toBe('start from 10.9.8.7\n');
    expect((await bytesOf(`${front}/boot/who`, { 'x-real-ip': '1.2.3.4' })).bytes.toString()).toBe('127.0.0.1\n');
  });

  it('the files cannot be asked for by the internal name', async () => {
    expect((await bytesOf(`${front}/rackseed-files/content/${sha256}`)).status).toBe(404);
  });
});

describe('past nginx', () => {
  it('a machine still gets its bytes from us, and is not believed about who it is', async () => {
    // From another address of loopback than the one that the proxy is known by.
    const { stdout } = await curl(['--interface', '127.0.0.2', '-H', 'X-Real-IP: 9.9.9.9', `${direct}/boot/who`]);
    expect(stdout.toString()).toBe('127.0.0.2\n');
    const file = await curl(['--interface', '127.0.0.2', `${direct}/boot/files/ipxe.efi`]);
    expect(file.stdout.equals(content)).toBe(true);
  });
});

async function curl(words: readonly string[]): Promise<{ readonly stdout: Buffer }> {
  const child = spawn('curl', ['-sSf', ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null]; // the first of what 'close' tells
  expect(code).toBe(0);
  return { stdout: Buffer.concat(chunks) };
}
