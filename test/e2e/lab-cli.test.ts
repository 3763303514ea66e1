// The lab as a person uses it: up, look, down. The virtual machine's way to a node is discovery.test.ts.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunResult, runProgram, systemCode, systemRandom } from '../../src/lib/index.ts';
import { ownLab } from '../support/dead-labs.ts';

const MINUTES = 60_000;
const main = join(import.meta.dirname, '../../src/main.ts');
const name = `cli-${systemRandom.bytes(3).toString('hex')}`;
let directory: string;

function env(): NodeJS.ProcessEnv {
  return { ...process.env, RACKSEED_LAB_DIR: join(directory, 'lab'), RACKSEED_LAB_NAME: name };
}

function rackseed(...words: string[]): Promise<RunResult> {
  return runProgram(process.execPath, [main, ...words], { env: env(), timeoutMs: 10 * MINUTES });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return typeof address === 'object' && address !== null ? address.port : expect.unreachable();
}

/** Empty when there is no such process, or only what is left of it until init has seen its end. */
async function commandOf(pid: number): Promise<string> {
  try {
    return await readFile(`/proc/${pid}/cmdline`, 'utf8');
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT' || systemCode(thrown) === 'ESRCH') return '';
    throw thrown;
  }
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rackseed-lab-cli-'));
  await ownLab(directory, { lab: name, stateFile: 'lab/lab.json' });
});

afterAll(async () => {
  await rackseed('lab', 'down', '--purge');
  await rm(directory, { recursive: true, force: true });
});

describe('rackseed lab', () => {
  it('says that it is down, and how to bring it up', async () => {
    const { code, stderr } = await rackseed('lab', 'status');
    expect([code, stderr]).toEqual([0, 'The lab is down. Next step: rackseed lab up\n']);
  });

  it('comes up, says where to look, and runs in the background', async () => {
    const port = await freePort();
    const { code, stderr } = await rackseed('lab', 'up', '--firmware', 'bios', '--no-wait', '--port', String(port));
    expect(stderr).toContain(`https://127.0.0.1:${port}/api/nodes`);
    expect(stderr).toContain('rackseed lab down');
    expect(code).toBe(0);
    const status = JSON.parse((await rackseed('lab', 'status', '-o', 'json')).stdout) as {
      up: boolean;
      processes: { role: string; running: boolean }[];
    };
    expect(status.processes.map(({ role }) => role).toSorted((a, b) => a.localeCompare(b))).toEqual([
      'appliance',
      'forward-in',
      'forward-out',
      'machine-mini-bios',
    ]);
    expect(status.processes.every(({ running }) => running)).toBe(true);
  });

  it('is found by the other commands without being told where', async () => {
    const { code, stdout } = await rackseed('enrol', 'status', '-o', 'json');
    expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ mode: 'open' })]);
  });

  it('does not come up twice', async () => {
    const { code, stderr } = await rackseed('lab', 'up', '--no-wait');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/stands already\n {2}Next step: .*rackseed lab down/)]);
  });

  it('can stay in front, and is taken down by Ctrl-C', async () => {
    expect((await rackseed('lab', 'down', '--purge')).code).toBe(0);
    const port = String(await freePort());
    const child = spawn(process.execPath, [main, 'lab', 'up', '--firmware', 'bios', '--no-wait', '--follow', '--port', port], {
      env: env(),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    for await (const chunk of child.stderr.setEncoding('utf8')) {
      said += String(chunk);
      if (said.includes('Ctrl-C takes it down') && !child.killed) child.kill('SIGINT');
    }
    expect(said).toMatch(/Taking the lab down \.\.\.\n$/);
    expect(child.exitCode ?? (await once(child, 'exit'))[0]).toBe(0);
    expect((await runProgram('ip', ['netns', 'list'])).stdout).not.toContain(name);
  });

  it('goes down, and leaves nothing running and no network', async () => {
    expect((await rackseed('lab', 'up', '--firmware', 'bios', '--no-wait', '--port', String(await freePort()))).code).toBe(0);
    const before = JSON.parse((await rackseed('lab', 'status', '-o', 'json')).stdout) as { processes: { pid: number }[] };
    expect((await rackseed('lab', 'down', '--purge')).code).toBe(0);
    for (const { pid } of before.processes) expect(await commandOf(pid), `process ${pid}`).toBe('');
    expect((await runProgram('ip', ['netns', 'list'])).stdout).not.toContain(name);
    expect((await rackseed('lab', 'down')).code).toBe(0);
  });
});

describe('rackseed image', () => {
  it('puts the boot files where the appliance looks, again and again, in a data directory that is its owner’s alone', async () => {
    const dataDir = join(directory, 'fresh/data');
    const run = (verb: string): Promise<RunResult> =>
      runProgram(process.execPath, [main, 'image', verb, '-o', 'json'], {
        env: { ...env(), RACKSEED_SERVER_DATA_DIR: dataDir },
        timeoutMs: 10 * MINUTES,
      });
    expect(await run('list')).toMatchObject({ code: 1, stderr: expect.stringContaining('boot.artefacts_missing') as unknown });
    for (const _ of ['first', 'again']) expect(await run('build')).toMatchObject({ code: 0 });
    const files = JSON.parse((await run('list')).stdout) as { name: string }[];
    expect(files.map((file) => file.name)).toEqual(expect.arrayContaining(['undionly.kpxe', 'agent/vmlinuz-amd64', 'agent/initrd-amd64']));
    expect((await stat(dataDir)).mode & 0o777).toBe(0o700);
    expect(await readdir(dataDir)).toEqual(['artefacts']);
  });
});
