// The lab as the end-to-end tests drive it: the same parts as `rackseed lab`, in a directory whose logs stay as artefacts of the run.

import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureArtefacts } from '../../images/index.ts';
import { type Client, createClient, labApi, labConnection } from '../../src/cli/index.ts';
import { createLab, type Lab } from '../../src/lab/index.ts';
import { runProgram, systemClock, systemRandom } from '../../src/lib/index.ts';

const root = join(import.meta.dirname, '../..');

export interface TestLab {
  readonly lab: Lab;
  readonly client: Client;
  /** Keeps consoles and logs under .artefacts/e2e/NAME, then takes everything down. */
  end(): Promise<void>;
}

export async function standUp(name: string): Promise<TestLab> {
  const cacheDir =
    process.env.RACKSEED_CACHE_DIR ?? join(process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? '/root', '.cache'), 'rackseed');
  const artefacts = await ensureArtefacts({ cacheDir, run: runProgram, log: () => undefined });
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-e2e-'));
  const self = [process.execPath, join(root, 'src/main.ts')] as const;
  const lab = createLab({
    name: `e2e-${systemRandom.bytes(3).toString('hex')}`,
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
  });
  const end = async (): Promise<void> => {
    await lab.down();
    await keepLogs(directory, name);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await lab.up(AbortSignal.timeout(120_000));
  } catch (thrown) {
    await end();
    throw thrown;
  }
  return { lab, client: createClient(await labConnection(lab.connection)), end };
}

async function keepLogs(directory: string, name: string): Promise<void> {
  const target = join(root, '.artefacts/e2e', name);
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  await cp(directory, target, { recursive: true, filter: (path) => path === directory || path.endsWith('.log') });
}
