// The runner over the real store, with steps that keep a small world, and a clock that the test turns.

import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import { RackseedError, Secret, silentLog, systemRandom } from '../../../src/lib/index.ts';
import { createNodes } from '../../../src/nodes/index.ts';
import {
  createRegistry,
  createRunBook,
  type Driven,
  driveRun,
  type Pipeline,
  type PipelineRun,
  type PipelineStep,
  planOf,
  type RunnerParts,
  type StepContext,
} from '../../../src/pipeline/index.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { stepWorld } from '../../support/pipeline.ts';
import { openTestStore } from '../../support/store.ts';

/** What is so on each machine, and what happened, in order. */
interface Site {
  readonly done: Map<string, Set<string>>;
  readonly told: string[];
  /** Before each thing that anybody does: throw to break it. */
  hook: (what: string) => void;
}

function simple(site: Site, name: string, more: Partial<PipelineStep> = {}): PipelineStep {
  const of = (uuid: string): Set<string> => {
    const known = site.done.get(uuid) ?? new Set<string>();
    site.done.set(uuid, known);
    return known;
  };
  return {
    name,
    title: name,
    provenOn: 'simulator',
    args: Type.Object({}),
    timeoutMs: 60_000,
    describe: () => name,
    check: async ({ node }) => {
      site.hook(`check ${name}`);
      return of(node.uuid).has(name) ? { is: 'satisfied', words: 'so it is' } : { is: 'needed', plan: [`do ${name}`] };
    },
    apply: async ({ node }) => {
      site.hook(`apply ${name}`);
      of(node.uuid).add(name);
      site.told.push(`${node.name} ${name}`);
      site.hook(`applied ${name}`);
    },
    ...more,
  };
}

const PIPELINE: Pipeline = { name: 'three', entries: ['one', 'two', 'three'].map((step) => ({ step, args: {}, when: null })) };

async function open(more: (site: Site) => Partial<Record<string, Partial<PipelineStep>>> = () => ({}), url?: string) {
  const site: Site = { done: new Map(), told: [], hook: () => undefined };
  const clock = createFakeClock();
  const store = await openTestStore({ clock, ...(url === undefined ? {} : { url }) });
  const common = { store, clock, random: systemRandom, log: silentLog };
  const nodes = createNodes(common);
  const book = createRunBook(common);
  const changes = more(site);
  const steps = createRegistry(['one', 'two', 'three'].map((name) => simple(site, name, changes[name])));
  const parts: RunnerParts = {
    ...common,
    book,
    steps,
    look: async (uuid) => {
      const { name } = await nodes.get(uuid);
      return stepWorld({ node: { uuid, name: name ?? uuid } }).context(simple(site, 'one'), {});
    },
    open: () => {
      const { machine } = stepWorld();
      const none = (): never => {
        throw new Error('these steps have no cluster');
      };
      return Promise.resolve({
        shell: machine,
        shellAt: () => Promise.resolve().then(none),
        sees: () => undefined,
        memberShell: () => Promise.resolve().then(none),
        pve: () => Promise.resolve().then(none),
        secret: () => Promise.resolve(new Secret('hunter22')),
        close: () => Promise.resolve(),
      });
    },
  };
  const logs: string[] = [];
  const enrol = (name: string) =>
    store.transaction((tx) => nodes.create(tx, { name, driver: 'fake-hardware' }, { who: 'user', actor: 'olga' }));
  const servicing = (uuid: string) =>
    store.db.updateTable('nodes').set({ provision_state: 'servicing' }).where('uuid', '=', uuid).execute();
  const drive = (run: PipelineRun, signal = new AbortController().signal): Promise<Driven> =>
    clock.until(driveRun(parts, run, { signal, progress: () => undefined, log: (line) => logs.push(line) }));
  const begin = async (name: string, task = 'task-1') => book.begin({ nodeUuid: (await enrol(name)).uuid, task, pipeline: PIPELINE });
  return { site, clock, store, book, parts, logs, servicing, drive, begin };
}

const DONE = [expect.objectContaining({ id: 'one' }), expect.objectContaining({ id: 'two' }), expect.objectContaining({ id: 'three' })];

describe('a run of a pipeline', () => {
  it('does what is needed, in order, and tells each step once; afterwards there is nothing to do', async () => {
    const { site, store, book, drive, begin } = await open();
    const run = await begin('pve1');
    expect(await drive(run)).toEqual({ is: 'done', text: 'the pipeline three is done: 3 of 3 steps had something to do' });
    expect(site.told).toEqual(['pve1 one', 'pve1 two', 'pve1 three']);
    expect((await book.get(run.uuid)).cursor).toEqual(DONE);
    const events = await store.db.selectFrom('events').select('type').where('type', 'like', 'pipeline.%').orderBy('seq').execute();
    expect(events.map(({ type }) => type)).toEqual(['pipeline.begun', ...Array<string>(3).fill('pipeline.step'), 'pipeline.done']);
    const again = await book.begin({ nodeUuid: run.nodeUuid, task: 'task-2', pipeline: PIPELINE });
    expect(await drive(again)).toMatchObject({ text: 'the pipeline three is done: 0 of 3 steps had something to do' });
    expect(site.told).toHaveLength(3);
  });

  it('ends the same wherever its process is killed', async () => {
    const { site, book, parts, begin, clock } = await open();
    const kill = new Error('killed');
    let [count, kills] = [0, 0];
    for (let at = 1; at < 200; at += 1) {
      const run = await begin(`pve${at}`, `task-${at}`);
      count = 0;
      // A killed process writes nothing any more: neither by the step nor by what would come after it.
      let isDead = false;
      const boundary = (): void => {
        count += 1;
        if (count === at) isDead = true;
        if (isDead) throw kill;
      };
      site.hook = boundary;
      const dying: RunnerParts = {
        ...parts,
        book: {
          ...book,
          save: async (...args) => {
            boundary();
            const saved = await book.save(...args);
            boundary();
            return saved;
          },
        },
      };
      const drive = { signal: new AbortController().signal, progress: () => undefined, log: () => undefined };
      await clock.until(driveRun(dying, run, drive)).catch((thrown: unknown) => expect(thrown).toBe(kill));
      site.hook = () => undefined;
      if (!isDead) break;
      kills += 1;
      const now = await book.get(run.uuid);
      if (now.state !== 'done') await clock.until(driveRun(parts, await book.take(run.uuid, 'task-again'), drive));
      expect([...(site.done.get(run.nodeUuid) ?? [])]).toEqual(['one', 'two', 'three']);
      expect((await book.get(run.uuid)).state).toBe('done');
    }
    // Begin, check, apply, its end, verify and the end of each of three steps, and the end of all: both sides of each.
    expect(kills).toBeGreaterThanOrEqual(3 * 8 + 2);
  });

  it('fails with the hint of a step that is impossible, and goes on behind it when it is skipped', async () => {
    const { site, book, drive, begin } = await open(() => ({
      two: { check: () => Promise.resolve({ is: 'impossible', reason: 'no second disk', hint: 'plug one in' }) },
    }));
    const run = await begin('pve1');
    await expect(drive(run)).rejects.toMatchObject({ message: 'the step two: no second disk', hint: 'plug one in' });
    expect(site.told).toEqual(['pve1 one']);
    await expect(book.skip(run.uuid, 'tow', 'no')).rejects.toThrow('the run has no step "tow"');
    await book.skip(run.uuid, 'two', 'it has one disk');
    await drive(await book.take(run.uuid, 'task-2'));
    expect(site.told).toEqual(['pve1 one', 'pve1 three']);
    expect((await book.get(run.uuid)).cursor[1]).toMatchObject({ state: 'skipped', words: 'it has one disk' });
    await expect(book.skip(run.uuid, 'one', 'no')).rejects.toThrow('is done; steps are skipped and retried in one that has failed');
  });

  it('waits after what may pass by itself, and tries again', async () => {
    const { site, clock, book, drive, begin } = await open();
    let broken = 2;
    site.hook = (what) => {
      if (what === 'apply two' && broken-- > 0)
        throw new RackseedError('proxmox.shell_broke', { status: 502, about: '', retryable: true }, { message: 'the connection broke' });
    };
    const run = await begin('pve1');
    const first = await drive(run);
    expect(first).toEqual({ is: 'waits', until: clock.now() + 10_000, text: 'the connection broke' });
    await clock.advance(10_000);
    expect(await drive(await book.get(run.uuid))).toEqual({ is: 'waits', until: clock.now() + 30_000, text: 'the connection broke' });
    await clock.advance(30_000);
    expect(await drive(await book.get(run.uuid))).toMatchObject({ is: 'done' });
  });

  it('fails a step that is still not so after it was applied, or that takes too long', async () => {
    const { book, clock, drive, begin } = await open(() => ({
      one: { apply: () => Promise.resolve() },
      two: { timeoutMs: 5000, apply: ({ signal, clock: time }) => time.sleep(3_600_000, signal) },
    }));
    const run = await begin('pve1');
    for (const pause of [10_000, 30_000, 120_000]) {
      expect(await drive(await book.get(run.uuid))).toMatchObject({ is: 'waits', text: 'it was carried out, and still: do one' });
      await clock.advance(pause);
    }
    await expect(drive(await book.get(run.uuid))).rejects.toThrow('the step one: it was carried out, and still: do one');
    await book.skip(run.uuid, 'one', 'never mind');
    await expect(drive(await book.take(run.uuid, 'task-2'))).rejects.toThrow('the step two: two took longer than 5 seconds');
  });

  it('stays open when its caller is stopped in the middle of a step', async () => {
    const stop = new AbortController();
    const { book, drive, begin, site } = await open(() => ({ two: {} }));
    site.hook = (what) => {
      if (what !== 'apply two') return;
      stop.abort(new Error('the appliance stops'));
      stop.signal.throwIfAborted();
    };
    const run = await begin('pve1');
    await expect(drive(run, stop.signal)).rejects.toThrow('the appliance stops');
    expect((await book.get(run.uuid)).state).toBe('running');
    site.hook = () => undefined;
    expect(await drive(await book.take(run.uuid, 'task-1'))).toMatchObject({ is: 'done' });
  });

  it('ends before its next step when it is aborted, and is written by nobody whom another has overtaken', async () => {
    const { site, book, drive, begin } = await open();
    const run = await begin('pve1');
    let asked: Promise<unknown> = Promise.resolve();
    site.hook = (what) => {
      if (what === 'applied one') asked = book.abort(run.uuid);
    };
    await expect(drive(run)).rejects.toThrow('the pipeline was ended by request');
    await asked;
    expect(site.told).toEqual(['pve1 one']);
    await expect(book.take(run.uuid, 'task-2')).rejects.toThrow('the run of three is aborted');
    const other = await begin('pve2', 'task-3');
    await book.take(other.uuid, 'task-4');
    await expect(drive(other)).rejects.toThrow('the run goes on elsewhere');
    expect(site.told).toEqual(['pve1 one']);
  });

  it('shows no secret that a step was given', async () => {
    const { logs, drive, begin, store } = await open(() => ({
      two: {
        apply: async (context) => {
          const word = (await context.secret('root'))?.reveal() ?? '';
          context.log(`logs in with ${word}`);
          throw new Error(`refused ${word}`);
        },
      },
    }));
    await expect(drive(await begin('pve1'))).rejects.toThrow('refused ******');
    expect(logs).toContain('2/3 two: logs in with ******');
    expect(JSON.stringify([logs, await store.db.selectFrom('pipeline_runs').selectAll().execute()])).not.toContain('hunter22');
  });

  it('lets 20 nodes through a lock one at a time, and all in the end', async () => {
    let [inside, most] = [0, 0];
    const { site, clock, book, parts, servicing, begin } = await open((world) => ({
      two: {
        lock: () => 'cluster:home',
        apply: async ({ node, clock: time }) => {
          inside += 1;
          most = Math.max(most, inside);
          await time.sleep(20_000);
          world.done.get(node.uuid)?.add('two');
          world.told.push(node.name);
          inside -= 1;
        },
      },
    }));
    const runs = await Promise.all(Array.from({ length: 20 }, (_, at) => begin(`pve${at}`, `task-${at}`)));
    await Promise.all(runs.map(({ nodeUuid }) => servicing(nodeUuid)));
    const toEnd = async (run: PipelineRun): Promise<void> => {
      for (;;) {
        const driven = await driveOnce(run.uuid);
        if (driven.is === 'done') return;
        expect(driven.text).toMatch(/^(?:waits until pve\d+: two is over)$/);
        await clock.sleep(driven.until - clock.now());
      }
    };
    const parallel = { signal: new AbortController().signal, progress: () => undefined, log: () => undefined };
    const driveOnce = async (uuid: string) => driveRun(parts, await book.get(uuid), parallel);
    await clock.until(Promise.all(runs.map(toEnd)), 86_400_000);
    expect(most).toBe(1);
    expect(site.told.filter((one) => !one.includes(' '))).toHaveLength(20);
  });

  it('keeps its lock while it is to be tried again, and frees it when it has failed', async () => {
    const { site, clock, book, servicing, begin, drive } = await open(() => ({ two: { lock: () => 'cluster:home' } }));
    const [first, second] = [await begin('pve1', 'task-1'), await begin('pve2', 'task-2')];
    for (const { nodeUuid } of [first, second]) await servicing(nodeUuid);
    let isRetryable = true;
    site.hook = (what) => {
      if (what === 'apply two')
        throw new RackseedError('proxmox.shell_broke', { status: 502, about: '', retryable: isRetryable }, { message: 'it broke' });
    };
    expect(await drive(first)).toMatchObject({ is: 'waits', text: 'it broke' });
    expect(await drive(second)).toMatchObject({ is: 'waits', text: 'waits until pve1: two is over' });
    isRetryable = false;
    await clock.advance(120_000);
    await expect(drive(await book.get(first.uuid))).rejects.toThrow('it broke');
    site.hook = () => undefined;
    expect(await drive(await book.get(second.uuid))).toMatchObject({ is: 'done' });
  });

  it('keeps a lock whose time has run out while its node is being serviced', async () => {
    const { clock, store, book, site, servicing, begin, drive } = await open(() => ({ two: { lock: () => 'cluster:home' } }));
    const [first, second] = [await begin('pve1', 'task-1'), await begin('pve2', 'task-2')];
    for (const { nodeUuid } of [first, second]) await servicing(nodeUuid);
    const stop = new AbortController();
    site.hook = (what) => {
      if (what === 'apply two') stop.abort(new Error('killed'));
      stop.signal.throwIfAborted();
    };
    await expect(drive(first, stop.signal)).rejects.toThrow('killed');
    site.hook = () => undefined;
    await clock.advance(3_600_000);
    expect(await drive(second)).toMatchObject({ is: 'waits', text: 'waits until pve1: two is over' });
    await store.db.updateTable('nodes').set({ provision_state: 'active' }).where('uuid', '=', first.nodeUuid).execute();
    await clock.advance(120_000);
    expect(await drive(await book.get(second.uuid))).toMatchObject({ is: 'done' });
  });
});

describe('the ways that a step is given', () => {
  it('leave nothing behind in check and verify; only apply has those that may write', async () => {
    const asked: string[] = [];
    const ask = async (what: string, context: StepContext) => {
      asked.push(what);
      await context.memberShell().catch(() => undefined);
      await context.pve('node').catch(() => undefined);
    };
    const isDone = { now: false };
    const { parts, begin, clock } = await open(() => ({
      two: {
        lock: () => 'cluster:home',
        check: async (context) => {
          await ask('check', context);
          return isDone.now ? { is: 'satisfied', words: '' } : { is: 'needed', plan: ['do it'] };
        },
        apply: async (context) => {
          await ask('apply', context);
          isDone.now = true;
        },
        verify: async (context) => {
          await ask('verify', context);
          return { is: 'satisfied', words: '' };
        },
      },
    }));
    const watched: RunnerParts = {
      ...parts,
      open: async (look, signal) => {
        const hands = await parts.open(look, signal);
        const none = (how: string): Promise<never> => {
          asked.push(how);
          return Promise.reject(new Error('none'));
        };
        return { ...hands, memberShell: none, pve: (_, how) => none(how) };
      },
    };
    const run = await begin('pve1');
    const drive = { signal: new AbortController().signal, progress: () => undefined, log: () => undefined };
    await clock.until(driveRun(watched, run, drive));
    const looks = (what: string) => [what, 'look', 'look'];
    expect(asked).toEqual([...looks('check'), ...looks('check'), 'apply', 'work', 'work', ...looks('verify')]);
  });
});

describe('the plan of a pipeline', () => {
  it('tells what is needed, and what cannot be known before that is done; and touches nothing', async () => {
    const { site, parts, begin } = await open(() => ({
      three: { check: () => Promise.resolve({ is: 'impossible', reason: 'it is no member', hint: 'join it' }) },
    }));
    const { nodeUuid } = await begin('pve1');
    site.done.set(nodeUuid, new Set(['one']));
    const look = await parts.look(nodeUuid);
    const signal = new AbortController().signal;
    const plan = await planOf({ ...parts, look, hands: await parts.open(look, signal), signal, isDrift: false }, PIPELINE);
    expect(plan.map(({ id, is, words }) => [id, is, ...words])).toEqual([
      ['one', 'satisfied', 'so it is'],
      ['two', 'needed', 'do two'],
      ['three', 'unknown', 'not known before two is done; now: it is no member'],
    ]);
    expect(site.told).toEqual([]);
  });
});
