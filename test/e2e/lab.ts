// The lab as the end-to-end tests drive it: the same parts as `rackseed lab`, in a directory whose logs stay as artefacts of the run.

import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureArtefacts } from '../../images/index.ts';
import { type Client, createClient, labApi, labConnection } from '../../src/cli/index.ts';
import { createLab, type Lab, type LabOptions } from '../../src/lab/index.ts';
import { runProgram, systemClock, systemCode, systemRandom } from '../../src/lib/index.ts';
import { ownLab } from '../support/dead-labs.ts';

const root = join(import.meta.dirname, '../..');

export interface TestLab {
  readonly lab: Lab;
  readonly client: Client;
  /** Keeps consoles and logs under .artefacts/e2e/NAME, then takes everything down. */
  end(): Promise<void>;
}

export interface StandUpOptions extends Pick<LabOptions, 'config' | 'openEnrolment'> {
  /** Runs when the network stands and nothing is on it yet: a router, a second segment. */
  readonly before?: (lab: Lab) => Promise<void>;
}

export async function standUp(name: string, { before, ...labOptions }: StandUpOptions = {}): Promise<TestLab> {
  const cacheDir =
    process.env.RACKSEED_CACHE_DIR ?? join(process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? '/root', '.cache'), 'rackseed');
  const artefacts = await ensureArtefacts({ cacheDir, run: runProgram, log: () => undefined });
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-e2e-'));
  const self = [process.execPath, join(root, 'src/main.ts')] as const;
  const labName = `e2e-${systemRandom.bytes(3).toString('hex')}`;
  await ownLab(directory, { lab: labName, stateFile: 'lab.json' });
  const lab = createLab({
    name: labName,
    directory,
    artefactsDir: artefacts.directory,
    rackseed: self,
    forwarder: [...self, 'lab', 'forward'],
    hostPort: null,
    run: runProgram,
    clock: systemClock,
    env: process.env,
    isRoot: process.getuid?.() === 0,
    say: () => undefined,
    api: labApi,
    ...labOptions,
  });
  const end = async (): Promise<void> => {
    await lab.down();
    await keepLogs(directory, name);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await lab.up(AbortSignal.timeout(120_000), () => before?.(lab) ?? Promise.resolve());
  } catch (thrown) {
    await end();
    throw thrown;
  }
  return { lab, client: createClient(await labConnection(lab.connection)), end };
}

/** Ends the appliance as a power cut does, at once; `startAppliance` goes on with what it has written. */
export async function killAppliance({ lab }: TestLab): Promise<void> {
  const { processes } = await lab.status();
  const appliance = processes.find(({ role }) => role === 'appliance');
  if (appliance === undefined) throw new Error('no appliance runs in this lab');
  process.kill(appliance.pid, 'SIGKILL');
  await lab.stopAppliance();
}

/** Pulls the cable of a machine's port, or puts it back. */
export async function setCable({ lab }: TestLab, tap: string, state: 'up' | 'down'): Promise<void> {
  const { code, stderr } = await runProgram('ip', ['-n', lab.network.namespace, 'link', 'set', tap, state]);
  if (code !== 0) throw new Error(`the cable ${tap} can not be put ${state}: ${stderr}`);
}

/** Waits until a look gives something. */
export async function until<T>(what: string, look: () => Promise<T | undefined>, limitMs: number): Promise<T> {
  const end = systemClock.monotonic() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (systemClock.monotonic() > end) throw new Error(`no ${what} within ${limitMs / 1000} s`);
    await systemClock.sleep(LOOK_MS);
  }
}

const LOOK_MS = 200;

/**
 * Waits until a growing log says the text, from the character `from` on; gives the place behind it, for waiting on what comes later.
 * A file that is not there yet has said nothing.
 */
export async function waitForText(file: string, text: string | RegExp, limitMs: number, from = 0): Promise<number> {
  const end = systemClock.monotonic() + limitMs;
  for (;;) {
    const said = (await readText(file)).slice(from);
    const at = typeof text === 'string' ? said.indexOf(text) : said.search(text);
    if (at >= 0) return from + at + (typeof text === 'string' ? text.length : (text.exec(said)?.[0].length ?? 0));
    if (systemClock.monotonic() > end)
      throw new Error(`${file} did not say ${String(text)} within ${limitMs / 1000} s; its end:\n${await tailOf(file, 30)}`);
    await systemClock.sleep(LOOK_MS);
  }
}

export async function tailOf(file: string, lines: number): Promise<string> {
  return (await readText(file)).trimEnd().split('\n').slice(-lines).join('\n');
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return '';
    throw thrown;
  }
}

async function keepLogs(directory: string, name: string): Promise<void> {
  const target = join(root, '.artefacts/e2e', name);
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  await cp(directory, target, { recursive: true, filter: (path) => path === directory || path.endsWith('.log') });
}
