// A run over a real OpenSSH server: one connection for all of its steps, and nothing of a step goes on when its time is over.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Type } from 'typebox';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Secret, silentLog, systemClock, systemRandom } from '../../src/lib/index.ts';
import { createNodes } from '../../src/nodes/index.ts';
import { createRegistry, createRunBook, driveRun, openHands, type PipelineStep, type RunnerParts } from '../../src/pipeline/index.ts';
import { openShell } from '../../src/proxmox/index.ts';
import { stepWorld } from '../support/pipeline.ts';
import { openTestStore } from '../support/store.ts';
import { type RootSshd, startRootSshd } from './root-shell/sshd.ts';

const execute = promisify(execFile);
let sshd: RootSshd;
beforeAll(async () => {
  sshd = await startRootSshd();
}, 60_000);
afterAll(() => sshd.close());

async function isRunning(pid: string): Promise<boolean> {
  const { stdout } = await execute('sh', ['-c', 'grep -s "^State:" "/proc/$1/status" || :', 'sh', pid]);
  return stdout !== '' && !stdout.includes('Z');
}

function step(name: string, more: Partial<PipelineStep>): PipelineStep {
  const check: PipelineStep['check'] = async () => ({ is: 'needed', plan: [name] });
  return {
    name,
    title: name,
    provenOn: 'real',
    args: Type.Object({}),
    timeoutMs: 30_000,
    describe: () => name,
    check,
    apply: async () => undefined,
    ...more,
  };
}

async function open(steps: readonly PipelineStep[]) {
  const common = { store: await openTestStore(), clock: systemClock, random: systemRandom, log: silentLog };
  const nodes = createNodes(common);
  const book = createRunBook(common);
  let connections = 0;
  const parts: RunnerParts = {
    ...common,
    book,
    steps: createRegistry(steps),
    look: async (uuid) => {
      const { node, profile } = stepWorld({ node: { uuid, address: '127.0.0.1', hostKeys: [sshd.hostKeys.ed25519] } }).context(
        steps[0] ?? step('none', {}),
        {},
      );
      return { node, profile, cluster: null, members: [] };
    },
    open: (look, signal) =>
      openHands(
        {
          openShell: (place) => {
            connections += 1;
            return openShell({ ...place, ...common, port: sshd.port, key: () => Promise.resolve(new Secret(sshd.privateKey)) });
          },
          openPve: () => Promise.reject(new Error('these steps ask no API')),
          secret: () => Promise.resolve(undefined),
        },
        look,
        signal,
      ),
  };
  const { uuid } = await common.store.transaction((tx) =>
    nodes.create(tx, { name: 'pve1', driver: 'fake-hardware' }, { who: 'user', actor: 'olga' }),
  );
  const pipeline = { name: 'mine', entries: steps.map((one) => ({ step: one.name, args: {}, when: null })) };
  const run = await book.begin({ nodeUuid: uuid, task: 'task-1', pipeline });
  const drive = () => driveRun(parts, run, { signal: new AbortController().signal, progress: () => undefined, log: () => undefined });
  return { drive, book, run, connections: () => connections };
}

it('signs in once for all of its steps', async () => {
  const said: string[] = [];
  const asks = (name: string): PipelineStep =>
    step(name, {
      check: async ({ shell }) => {
        said.push((await shell.must(['echo', name])).trim());
        return { is: 'satisfied', words: '' };
      },
    });
  const { drive, connections } = await open([asks('one'), asks('two'), asks('three')]);
  expect(await drive()).toMatchObject({ is: 'done' });
  expect([said, connections()]).toEqual([['one', 'two', 'three'], 1]);
});

it('ends on the machine what a step runs when its time is over, and fails by its name', async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const slow = step('slow', {
    timeoutMs: 1500,
    apply: async ({ shell }) => {
      await shell.must(['sh', '-c', 'echo $$; exec sleep 600'], { onLine: resolve, timeoutMs: 600_000 });
    },
  });
  const { drive, book, run } = await open([slow]);
  const driven = expect(drive()).rejects.toThrow('the step slow: slow took longer than 2 seconds');
  const pid = await promise;
  expect(await isRunning(pid)).toBe(true);
  await driven;
  expect(await isRunning(pid)).toBe(false);
  expect((await book.get(run.uuid)).state).toBe('failed');
}, 30_000);
