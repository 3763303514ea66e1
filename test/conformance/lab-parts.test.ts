import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forward, parseEnd } from '../../src/lab/forward.ts';
import { endProcess, isRunning, startProcess } from '../../src/lab/processes.ts';
import { systemClock } from '../../src/lib/index.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rackseed-lab-'));
});
afterAll(() => rm(directory, { recursive: true }));

describe('the forwarder', () => {
  it('carries bytes both ways through a unix socket, and an end of one side is the end of the other', async () => {
    const echo = createServer((socket) => socket.pipe(socket));
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', () => resolve()));
    const address = echo.address();
    const port = typeof address === 'object' && address !== null ? address.port : expect.unreachable();
    const path = join(directory, 'api.sock');
    const server = await forward({ path }, parseEnd(`tcp:127.0.0.1:${port}`));
    const text = await new Promise<string>((resolve, reject) => {
      const socket = connect({ path }, () => socket.end('hello'));
      let answer = '';
      socket.on('data', (data) => (answer += data.toString()));
      socket.on('close', () => resolve(answer));
      socket.on('error', reject);
    });
    expect(text).toBe('hello');
    server.close();
    echo.close();
  });

  it('refuses ends that it does not understand', () => {
    expect(parseEnd('tcp:[::1]:80')).toEqual({ host: '[::1]', port: 80 });
    for (const bad of ['', 'tcp:80', 'udp:1:2', 'tcp:host:x']) expect(() => parseEnd(bad), bad).toThrow(/unix:PATH/);
  });
});

describe('a process of the lab', () => {
  it('is known by pid and start time, writes to its log, and ends even when it ignores the request', async () => {
    const logFile = join(directory, 'stubborn.log');
    const started = await startProcess({
      role: 'stubborn',
      command: ['sh', '-c', 'trap "" TERM; echo up; while :; do sleep 1; done'],
      logFile,
      env: process.env,
    });
    expect(await isRunning(started)).toBe(true);
    expect(await isRunning({ ...started, startTime: '1' })).toBe(false);
    while (!(await readFile(logFile, 'utf8')).includes('up')) await systemClock.sleep(20);
    await endProcess(started, systemClock, 100);
    expect(await isRunning(started)).toBe(false);
    await endProcess(started, systemClock, 100);
  });
});
