// Pipelines as services of the life cycle, over the real store, engine, driver and desk, with a clock that the test turns.

import { join } from 'node:path';
import { Type } from 'typebox';
import { expect, it } from 'vitest';
import { RackseedError } from '../../../src/lib/index.ts';
import type { ProvisionState } from '../../../src/nodes/index.ts';
import type { PipelineStep } from '../../../src/pipeline/index.ts';
import { containing } from '../../support/containing.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { openPipelineSite, type PipelineSite } from '../../support/pipeline-site.ts';
import { memoryUrl } from '../tasks/harness.ts';

const OLGA = { who: 'user', actor: 'olga' } as const;
const HOUR = 3_600_000;
const FILES = { three: 'description = "for tests"\n[[steps]]\nstep = "one"\n[[steps]]\nstep = "two"\n[[steps]]\nstep = "three"\n' };

interface Played extends PipelineSite {
  readonly clock: FakeClock;
  /** What is so on each node. */
  readonly done: Map<string, Set<string>>;
  readonly told: string[];
  hook: (what: string, uuid: string) => unknown;
}

async function open(more: (world: Played) => Partial<Record<string, Partial<PipelineStep>>> = () => ({}), driftHours = 0): Promise<Played> {
  const clock = createFakeClock();
  const url = await memoryUrl();
  const own = { clock, done: new Map<string, Set<string>>(), told: [] as string[], hook: (() => undefined) as Played['hook'] };
  const world = own as Played; // the site is added below, before any step is called
  const step = (name: string): PipelineStep => ({
    name,
    title: name,
    provenOn: 'simulator',
    args: Type.Object({}),
    timeoutMs: 60_000,
    describe: () => name,
    check: async ({ node }) =>
      doneOf(world, node.uuid).has(name) ? { is: 'satisfied', words: 'so it is' } : { is: 'needed', plan: [`do ${name}`] },
    apply: async ({ node }) => {
      await world.hook(`apply ${name}`, node.uuid);
      doneOf(world, node.uuid).add(name);
      world.told.push(`${node.name} ${name}`);
    },
    ...more(world)[name],
  });
  const directory = join(new URL(url.replace('sqlite:', 'file:')).pathname, '..', 'pipelines');
  return Object.assign(
    own,
    await openPipelineSite({
      clock,
      url,
      directory,
      steps: ['one', 'two', 'three'].map(step),
      files: FILES,
      driftHours,
      ...(driftHours > 0 ? { pollMs: HOUR } : {}),
    }),
  );
}

function doneOf({ done }: Pick<Played, 'done'>, uuid: string): Set<string> {
  const known = done.get(uuid) ?? new Set<string>();
  done.set(uuid, known);
  return known;
}

function broken(isRetryable: boolean): RackseedError {
  return new RackseedError(
    'proxmox.shell_broke',
    { status: 502, about: '', retryable: isRetryable },
    { message: 'it broke', hint: 'Mend it.' },
  );
}

it('runs as a service of an active node, by the words of Ironic', async () => {
  const world = await open();
  const node = await world.active('pve1');
  const request = { verb: 'service', serviceSteps: [{ interface: 'deploy', step: 'run_pipeline' }] } as const;
  await world.lifecycle.provision(node, request, OLGA);
  expect((await world.nodes.get('pve1')).provisionState).toBe('servicing');
  await world.clock.until(world.reaches('pve1', 'active'), HOUR);
  expect(world.told).toEqual(['pve1 one', 'pve1 two', 'pve1 three']);
  expect(await world.pipelines.show(await world.nodes.get('pve1'))).toMatchObject({
    pipeline: 'three',
    run: { state: 'done' },
    next: null,
  });
});

it('begins by itself once a machine is installed, and only once', async () => {
  const world = await open();
  const { uuid } = await world.active('pve1');
  expect(await world.desk.deployed(uuid, 'task-1')).toBe('three');
  expect(await world.desk.deployed(uuid, 'task-1')).toBe('three');
  expect(await world.book.newest(uuid)).toBeUndefined();
  await world.keeper.tick();
  await world.clock.until(world.reaches('pve1', 'active'), HOUR);
  expect(world.told).toHaveLength(3);
  await world.keeper.tick();
  expect((await world.nodes.get('pve1')).provisionState).toBe('active');
  expect(await world.book.dues()).toEqual([]);
});

it('waits with what is due while the node may not be worked on, and forgets it when the machine is given up', async () => {
  const world = await open();
  const { uuid } = await world.active('pve1', { maintenance: true });
  await world.desk.deployed(uuid, 'task-1');
  await world.keeper.tick();
  expect(await world.book.dues()).toHaveLength(1);
  await world.store.reasons.flush();
  const said = await world.store.reasons.list(`node:${uuid}`, 10);
  expect(said.map(({ reason }) => reason)).toContainEqual(containing('the pipeline three waits'));
  await world.store.db.updateTable('nodes').set({ provision_state: 'available' }).where('uuid', '=', uuid).execute();
  await world.keeper.tick();
  expect(await world.book.dues()).toEqual([]);
});

it('does not begin by itself what was called off before', async () => {
  const world = await open();
  const node = await world.active('pve1');
  await world.desk.deployed(node.uuid, 'task-1');
  expect(await world.pipelines.show(node)).toMatchObject({ run: null, next: 'three begins by itself once the node is active' });
  await world.pipelines.abort(node, OLGA);
  await world.keeper.tick();
  expect([(await world.nodes.get('pve1')).provisionState, world.told]).toEqual(['active', []]);
  expect(await world.pipelines.show(node)).toMatchObject({ run: null, next: containing('rackseed pipeline plan pve1') });
});

it('fails the service with the next step, and goes on behind it', async () => {
  const world = await open();
  let isBroken = true;
  world.hook = (what) => {
    if (what === 'apply two' && isBroken) throw broken(false);
  };
  const { uuid } = await world.active('pve1');
  await world.pipelines.run(await world.nodes.get(uuid), undefined, OLGA);
  const failed = await world.clock.until(world.reaches('pve1', 'service failed'), HOUR);
  expect(failed).toMatchObject({ lastError: containing('the step two: it broke (Mend it.)'), maintenance: true });
  const view = await world.pipelines.show(failed);
  expect(view).toMatchObject({ run: { state: 'failed' }, next: containing('rackseed pipeline skip pve1 two --reason WHY') });
  isBroken = false;
  await world.pipelines.resume(failed, OLGA);
  expect(await world.clock.until(world.reaches('pve1', 'active'), HOUR)).toMatchObject({ maintenance: false });
  expect(world.told).toEqual(['pve1 one', 'pve1 two', 'pve1 three']);
});

it('leaves a step out, looks at one again, and is given up', async () => {
  const world = await open((site) => ({
    two: {
      check: async ({ node }) =>
        doneOf(site, node.uuid).has('disk')
          ? { is: 'satisfied', words: '' }
          : { is: 'impossible', reason: 'no disk', hint: 'Plug one in.' },
    },
  }));
  const { uuid } = await world.active('pve1');
  const now = () => world.nodes.get(uuid);
  await world.pipelines.run(await now(), undefined, OLGA);
  await world.clock.until(world.reaches('pve1', 'service failed'), HOUR);
  await expect(world.pipelines.skip(await now(), 'tow', { reason: 'no', stays: false }, OLGA)).rejects.toThrow('the run has no step "tow"');
  await world.pipelines.retry(await now(), 'two', OLGA);
  await world.clock.until(world.reaches('pve1', 'service failed'), HOUR);
  await world.pipelines.abort(await now(), OLGA);
  expect(await now()).toMatchObject({ provisionState: 'active', maintenance: false });
  expect((await world.book.newest(uuid))?.state).toBe('aborted');
  await expect(world.pipelines.resume(await now(), OLGA)).rejects.toThrow('is aborted');
  await world.pipelines.run(await now(), 'three', OLGA);
  await world.clock.until(world.reaches('pve1', 'service failed'), HOUR);
  await world.pipelines.skip(await now(), 'two', { reason: 'it has one disk', stays: false }, OLGA);
  await world.clock.until(world.reaches('pve1', 'active'), HOUR);
  expect((await world.book.newest(uuid))?.cursor.map(({ state }) => state)).toEqual(['satisfied', 'skipped', 'done']);
});

it('is ended before its next step by an abort, and its node is active', async () => {
  const world = await open();
  const { uuid } = await world.active('pve1');
  world.hook = (what) => (what === 'apply two' ? world.pipelines.abort({ uuid } as never, OLGA) : undefined);
  await world.pipelines.run(await world.nodes.get(uuid), undefined, OLGA);
  await world.clock.until(world.reaches('pve1', 'active'), HOUR);
  expect(world.told).toEqual(['pve1 one', 'pve1 two']);
  expect((await world.book.newest(uuid))?.state).toBe('aborted');
});

it('gives its worker back while it waits, and one that waits is ended at once', async () => {
  const world = await open();
  let attempts = 0;
  world.hook = (what) => {
    if (what !== 'apply two') return;
    attempts += 1;
    if (attempts === 1) throw broken(true);
  };
  const { uuid } = await world.active('pve1');
  await world.pipelines.run(await world.nodes.get(uuid), undefined, OLGA);
  await world.clock.until(world.reaches('pve1', 'service wait'), HOUR);
  const states = await world.store.db.selectFrom('tasks').select('state').where('node_uuid', '=', uuid).execute();
  expect(states).toEqual([{ state: 'waiting' }]);
  await world.pipelines.abort(await world.nodes.get(uuid), OLGA);
  await world.clock.until(world.reaches('pve1', 'active'), 5000);
  expect([attempts, (await world.book.newest(uuid))?.state]).toEqual([1, 'aborted']);
});

it('goes on with what Ironic’s own abort has cut off', async () => {
  const world = await open();
  let isBroken = true;
  world.hook = (what) => {
    if (what === 'apply two' && isBroken) throw broken(true);
  };
  const { uuid } = await world.active('pve1');
  const now = () => world.nodes.get(uuid);
  await world.pipelines.run(await now(), undefined, OLGA);
  await world.clock.until(world.reaches('pve1', 'service wait'), HOUR);
  await world.lifecycle.provision(await now(), { verb: 'abort' }, OLGA);
  expect(await world.pipelines.show(await now())).toMatchObject({ nodeState: 'service failed', run: { state: 'failed' } });
  isBroken = false;
  await world.pipelines.resume(await now(), OLGA);
  await world.clock.until(world.reaches('pve1', 'active'), HOUR);
  expect(world.told).toEqual(['pve1 one', 'pve1 two', 'pve1 three']);
});

it('protects a node before it joins, and makes it a member when it has', async () => {
  const seen: string[] = [];
  const world = await open((site) => ({
    two: { joins: (_, { cluster }) => (typeof cluster?.name === 'string' ? cluster.name : null) },
    three: {
      check: async ({ node, members }) => {
        seen.push(`${node.name} ${node.memberOf} ${members.map(({ name }) => name).join()}`);
        return { is: 'satisfied', words: '' };
      },
    },
    one: { apply: async ({ node }) => void doneOf(site, node.uuid).add('one') },
  }));
  const guarded: boolean[] = [];
  world.hook = async (what, uuid) => {
    if (what === 'apply two') guarded.push((await world.nodes.get(uuid)).protected);
  };
  for (const name of ['pve1', 'pve2']) {
    const node = await world.active(name);
    await world.pipelines.run(node, undefined, OLGA);
    await world.clock.until(world.reaches(name, 'active'), HOUR);
  }
  expect(guarded).toEqual([true, true]);
  expect(seen).toEqual(['pve1 home ', 'pve2 home pve1']);
  expect(await world.nodes.get('pve1')).toMatchObject({ protected: true, protectedReason: 'a member of the cluster home' });
});

it('lets 20 nodes through a lock one at a time, each woken when it is free', async () => {
  let [inside, most] = [0, 0];
  const world = await open((site) => ({
    two: {
      lock: () => 'cluster:home',
      apply: async ({ node, clock }) => {
        inside += 1;
        most = Math.max(most, inside);
        await clock.sleep(20_000);
        doneOf(site, node.uuid).add('two');
        inside -= 1;
      },
    },
  }));
  const names = Array.from({ length: 20 }, (_, at) => `pve${at}`);
  for (const name of names) await world.pipelines.run(await world.active(name), undefined, OLGA);
  const began = world.clock.now();
  await world.clock.until(Promise.all(names.map((name) => world.reaches(name, 'active'))), 24 * HOUR);
  expect(most).toBe(1);
  expect(world.told.filter((one) => one.endsWith('three'))).toHaveLength(20);
  // Each is woken when the one before it is done: nobody waits for a look at the clock.
  expect(world.clock.now() - began).toBeLessThan(20 * 40_000);
}, 60_000);

it('tells drift once, and that it is gone', async () => {
  const world = await open(undefined, 24);
  const { uuid } = await world.active('pve1');
  await world.pipelines.run(await world.nodes.get(uuid), undefined, OLGA);
  await world.clock.until(world.reaches('pve1', 'active'), HOUR);
  const drift = async () => {
    const rows = world.store.db
      .selectFrom('events')
      .select(['type', 'message'])
      .where('type', 'in', ['pipeline.drift', 'pipeline.in_place']);
    return (await rows.orderBy('seq').execute()).map(({ message }) => message);
  };
  const look = async (): Promise<void> => {
    await world.clock.advance(25 * HOUR);
    await world.keeper.tick();
  };
  await look();
  expect(await drift()).toEqual([]);
  doneOf(world, uuid).delete('two');
  await look();
  await look();
  expect(await drift()).toEqual(['pve1 is not as its pipeline left it: two: do two']);
  doneOf(world, uuid).add('two');
  await look();
  await look();
  expect((await drift()).slice(1)).toEqual(['pve1: all is as its pipeline left it again']);
  expect(world.told).toHaveLength(3);
});

it('stops before its next step when its machine is only to be watched, and goes on when it may be written to', async () => {
  const world = await open();
  const { uuid } = await world.active('pve1');
  const observe = (observe_only: 0 | 1) => world.store.db.updateTable('nodes').set({ observe_only }).where('uuid', '=', uuid).execute();
  world.hook = (what) => (what === 'apply two' ? observe(1) : undefined);
  await world.pipelines.run(await world.nodes.get(uuid), undefined, OLGA);
  const failed = await world.clock.until(world.reaches('pve1', 'service failed'), HOUR);
  expect(failed.lastError).toContain('the step three: node pve1 is observe-only: nothing is written to its machine');
  expect(world.told).toEqual(['pve1 one', 'pve1 two']);
  // Refused, and all is as it was.
  await expect(world.pipelines.resume(failed, OLGA)).rejects.toMatchObject({ code: 'lifecycle.observe_only' });
  const { maintenanceReason, fault } = failed;
  expect(fault).toBe('service failure');
  expect(await world.nodes.get(uuid)).toMatchObject({ provisionState: 'service failed', maintenance: true, maintenanceReason, fault });
  await observe(0);
  await world.pipelines.resume(await world.nodes.get(uuid), OLGA);
  expect(await world.clock.until(world.reaches('pve1', 'active'), HOUR)).toMatchObject({ maintenance: false, fault: null });
  expect(world.told).toHaveLength(3);
});

it('leaves the maintenance of a failed service where another deploy interface runs no pipelines', async () => {
  const world = await open();
  world.hook = () => {
    throw broken(false);
  };
  const { uuid } = await world.active('pve1');
  await world.pipelines.run(await world.nodes.get(uuid), undefined, OLGA);
  await world.clock.until(world.reaches('pve1', 'service failed'), HOUR);
  await world.store.db.updateTable('nodes').set({ interfaces: '{}' }).where('uuid', '=', uuid).execute();
  await expect(world.pipelines.resume(await world.nodes.get(uuid), OLGA)).rejects.toThrow('runs no pipelines');
  expect(await world.nodes.get(uuid)).toMatchObject({ maintenance: true, fault: 'service failure' });
});

it('ends the run, too, whose service was accepted when what is due is called off', async () => {
  const world = await open();
  const { uuid } = await world.active('pve1');
  const due = () => world.desk.deployed(uuid, `task-${world.clock.now()}`);
  await due();
  await world.pipelines.run(await world.nodes.get(uuid), undefined, OLGA);
  const refusal = await world.pipelines.abort(await world.nodes.get(uuid), OLGA).catch((error: unknown) => error);
  expect([refusal, await world.book.dues()]).toMatchObject([
    { code: 'pipeline.under_way', message: containing('pve1 is servicing already') },
    [],
  ]);
  world.hook = async (what) => {
    if (what !== 'apply one') return;
    await due();
    await world.pipelines.abort(await world.nodes.get(uuid), OLGA);
  };
  await world.clock.until(world.reaches('pve1', 'active'), HOUR);
  expect([world.told, (await world.book.newest(uuid))?.state, await world.book.dues()]).toEqual([['pve1 one'], 'aborted', []]);
});

it('lets a step take the days that its own limit gives it, and is a sign of life meanwhile', async () => {
  const world = await open(
    (site) => ({
      two: {
        timeoutMs: 40 * HOUR,
        apply: async ({ node, clock }) => {
          await clock.sleep(30 * HOUR);
          doneOf(site, node.uuid).add('two');
        },
      },
    }),
    24,
  );
  const { uuid } = await world.active('pve1');
  await world.pipelines.run(await world.nodes.get(uuid), undefined, OLGA);
  let oldest = 0;
  const watch = async (): Promise<ProvisionState> => {
    for (;;) {
      await world.clock.sleep(HOUR);
      const node = await world.nodes.get(uuid);
      if (node.provisionState !== 'servicing') return node.provisionState;
      oldest = Math.max(oldest, world.clock.now() - (node.provisionUpdatedAt ?? 0));
    }
  };
  expect(await world.clock.until(watch(), 48 * HOUR)).toBe('active');
  // The state's own timeout, of a day, would end it otherwise.
  expect(oldest).toBeLessThan(3 * HOUR);
});

it('keeps so many runs of a node', async () => {
  const world = await open();
  const { uuid } = await world.active('pve1');
  const pipeline = { name: 'three', entries: [{ step: 'one', args: {}, when: null }] };
  for (let at = 0; at < 30; at += 1) {
    await world.book.begin({ nodeUuid: uuid, task: `task-${at}`, pipeline });
    await world.clock.advance(1000);
  }
  const rows = await world.store.db.selectFrom('pipeline_runs').select('task').orderBy('created_at', 'desc').execute();
  expect(rows).toHaveLength(21);
  expect(rows[0]).toEqual({ task: 'task-29' });
});

it('refuses at once what can not be: no pipeline, a bad file, a node of another kind', async () => {
  const world = await open();
  const plain = await world.active('plain', { extra: {} });
  await expect(world.pipelines.run(plain, undefined, OLGA)).rejects.toThrow('the profile of plain names no pipeline');
  await expect(world.pipelines.run(plain, 'tree', OLGA)).rejects.toThrow('there is no pipeline "tree"');
  const other = await world.active('other', { interfaces: {} });
  await expect(world.pipelines.run(other, undefined, OLGA)).rejects.toThrow('runs no pipelines');
  await expect(world.pipelines.abort(plain, OLGA)).rejects.toThrow('nothing of a pipeline is under way on plain');
});
