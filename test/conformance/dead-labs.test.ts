// What an end-to-end run leaves behind when it is killed is found and taken down by the next; what belongs to the living is not touched.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { startProcess } from '../../src/lab/processes.ts';
import { runProgram, systemRandom } from '../../src/lib/index.ts';
import { endOwners, ownLab, sweepDeadLabs } from '../support/dead-labs.ts';

interface DeadLab {
  readonly directory: string;
  readonly namespaces: readonly string[];
  /** One that the lab wrote down, and one that it had no time to. */
  readonly pids: readonly number[];
}

/** A process that owns the lab in its working directory, says so, and waits. */
const OWNER = `import { ownLab } from '${new URL('../support/dead-labs.ts', import.meta.url).pathname}';
await ownLab('.', { lab: process.argv[1], stateFile: 'lab.json' });
console.log('owned');
setInterval(() => undefined, 1000);`;

async function ip(...words: string[]): Promise<void> {
  const { code, stderr } = await runProgram('ip', words);
  if (code !== 0) throw new Error(`ip ${words.join(' ')}: ${stderr}`);
}

async function makeLab(parent: string, lab: string): Promise<DeadLab> {
  const directory = join(parent, `rackseed-e2e-${lab}`);
  await mkdir(directory);
  const namespaces = [`rackseed-${lab}`, `rackseed-${lab}-router`];
  for (const namespace of namespaces) await ip('netns', 'add', namespace);
  const start = (role: string, namespace: string) =>
    startProcess({
      role,
      command: ['ip', 'netns', 'exec', namespace, 'sleep', '600'],
      logFile: join(directory, 'log'),
      env: process.env,
    });
  const known = await start('machine', namespaces[0] ?? '');
  const unknown = await start('router', namespaces[1] ?? '');
  await writeFile(join(directory, 'lab.json'), JSON.stringify({ processes: [known] }));
  return { directory, namespaces, pids: [known.pid, unknown.pid] };
}

async function ownedBy(lab: DeadLab, name: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', OWNER, name], {
    cwd: lab.directory,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Of its processes, namespaces and directory. */
async function whatIsLeft({ directory, namespaces, pids }: DeadLab): Promise<string[]> {
  const isSleeping = async (pid: number) => (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes('sleep');
  const checks = [
    { what: 'directory', there: await isThere(directory) },
    ...(await Promise.all(namespaces.map(async (name) => ({ what: name, there: await isThere(`/run/netns/${name}`) })))),
    ...(await Promise.all(pids.map(async (pid, index) => ({ what: `process ${index}`, there: await isSleeping(pid) })))),
  ];
  return checks.filter(({ there }) => there).map(({ what }) => what);
}

it('takes down the lab of a process that was killed, with what it had no time to write down, and leaves those of the living', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'sweep-'));
  const names = ['a', 'b'].map((end) => `t${systemRandom.bytes(2).toString('hex')}${end}`);
  const [deadName = '', livingName = ''] = names;
  const dead = await makeLab(parent, deadName);
  const living = await makeLab(parent, livingName);
  const [killed, goesOn] = [await ownedBy(dead, deadName), await ownedBy(living, livingName)];
  onTestFinished(async () => {
    const closed = goesOn.exitCode === null && goesOn.signalCode === null ? once(goesOn, 'close') : undefined;
    goesOn.kill('SIGKILL');
    await closed;
    await sweepDeadLabs({ directory: parent });
    await rm(parent, { recursive: true, force: true });
  });
  const all = await whatIsLeft(living);
  expect(all).toHaveLength(5);
  expect(await sweepDeadLabs({ directory: parent })).toEqual([]);

  const closed = once(killed, 'close');
  killed.kill('SIGKILL');
  await closed;
  expect(await sweepDeadLabs({ directory: parent })).toEqual([deadName]);
  expect(await whatIsLeft(dead)).toEqual([]);
  expect(await whatIsLeft(living)).toEqual(all);

  await endOwners(1, 1000, { directory: parent }); // of another run
  expect(await sweepDeadLabs({ directory: parent })).toEqual([]);
  await endOwners(process.pid, 1000, { directory: parent });
  expect(await sweepDeadLabs({ directory: parent })).toEqual([livingName]);
  expect(await whatIsLeft(living)).toEqual([]);
});

it('touches nothing that says not whose it is', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'sweep-'));
  onTestFinished(() => rm(parent, { recursive: true, force: true }));
  await mkdir(join(parent, 'rackseed-e2e-of-whom'));
  await mkdir(join(parent, 'rackseed-e2e-cut-off'));
  await writeFile(join(parent, 'rackseed-e2e-cut-off/owner.json'), '{"pid":');
  await ownLab(join(parent, 'rackseed-e2e-ours'), { lab: 'ours', stateFile: 'lab.json' });
  await ownLab(join(parent, 'other-files'), { lab: 'other', stateFile: 'lab.json' });
  expect(await sweepDeadLabs({ directory: parent })).toEqual([]);
  expect(await isThere(join(parent, 'rackseed-e2e-of-whom'))).toBe(true);
});
