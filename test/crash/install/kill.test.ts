// An installation whose appliance is really killed between any two of its requests, and in the middle of each: what was acknowledged is there,
// what was not is done by asking again, the answer is given once, and nothing is counted twice that was acknowledged.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { installBook } from '../../../src/install/index.ts';
import { silentLog, systemClock, systemRandom } from '../../../src/lib/index.ts';
import { createNodes } from '../../../src/nodes/index.ts';
import { addInstalled, firstBootBody, hookBody, MAC, PLAN, sysinfo } from '../../support/install.ts';
import { openTestStore } from '../../support/store.ts';

const CHILD = new URL('child.ts', import.meta.url).pathname;
/** Spread over what a request takes: before it is read, while it is stored, after it was answered. */
const KILL_AFTER_MS = [0, 1, 2, 4, 8];

interface Running {
  readonly child: ChildProcess;
  readonly port: number;
}

async function start(directory: string): Promise<Running> {
  const child = spawn(process.execPath, [CHILD, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer]; // what a pipe gives
  return { child, port: Number(line.toString()) };
}

async function kill({ child }: Running): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Null: it died before it could answer. */
async function ask({ port }: Running, path: string, body?: object): Promise<string | null> {
  try {
    const reply = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return reply.ok ? await reply.text() : `HTTP ${reply.status}: ${await reply.text()}`;
  } catch {
    return null;
  }
}

it.each(KILL_AFTER_MS)(
  'goes through to its first boot although the appliance is killed %i ms after each request',
  { timeout: 300_000 },
  async (after) => {
    const directory = await mkdtemp(join(tmpdir(), 'rackseed-install-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const store = await openTestStore({ url: `sqlite://${join(directory, 'rackseed.sqlite')}` });
    const common = { store, clock: systemClock, random: systemRandom, log: silentLog };
    const nodes = createNodes(common);
    const book = installBook({ ...common, nodes, certificate: null, onMove: () => Promise.resolve() });
    const node = await addInstalled({ store, nodes }, { mac: MAC }, 'wait call-back');
    const { uuid, bootId } = await book.begin({ nodeUuid: node.uuid, deployment: 'one', plan: PLAN });
    const secrets = await book.secrets(uuid);
    await store.close();

    const answers = new Set<string>();
    let boots = 0;
    const requests = [
      { path: `/arm/${uuid}` },
      { path: `/boot/${uuid}` },
      { path: `/iso/${bootId}` },
      { path: `/answer/${secrets.answer}`, body: sysinfo() },
      { path: `/done/${secrets.hook}`, body: hookBody() },
      { path: `/first-boot/${secrets.firstBoot}`, body: firstBootBody() },
    ];
    for (const { path, body } of requests) {
      const doomed = await start(directory);
      const asked = ask(doomed, path, body);
      await new Promise((resolve) => setTimeout(resolve, after)); // the point in time is what is tested, whatever it hits
      await kill(doomed);
      const first = await asked;
      const again = await start(directory);
      // A boot that was counted and not answered is lost to the machine, which boots once more; all else is simply sent again.
      const second = path.startsWith('/boot') && first !== null ? first : await ask(again, path, body);
      expect(second, path).not.toBeNull();
      expect(second, path).not.toMatch(/^HTTP/);
      if (path.startsWith('/boot')) boots = Number(second);
      if (path.startsWith('/answer')) for (const text of [first, second]) if (text !== null) answers.add(text);
      await kill(again);
    }
    const end = await openTestStore({ url: `sqlite://${join(directory, 'rackseed.sqlite')}` });
    const row = await end.db.selectFrom('installations').selectAll().executeTakeFirstOrThrow();
    expect(row).toMatchObject({ stage: 'first-boot', boots, iso_bytes: 10, failure: null });
    expect(boots).toBeLessThanOrEqual(2);
    expect(answers.size).toBe(1);
    const events = await end.events.list({ after: 0, limit: 1000, nodeUuid: node.uuid });
    for (const type of ['install.armed', 'install.iso', 'install.answered', 'install.installed', 'install.first_boot'])
      expect(
        events.filter((event) => event.type === type),
        type,
      ).toHaveLength(1);
  },
);
