// The appliance ends at every place at which anything is written or done, one after the other, while a pipeline runs: store, task engine, life
// cycle and desk are the real ones, the clock is turned by the test. Opened again over the same store, the end is always the same.

import { join } from 'node:path';
import { Type } from 'typebox';
import { expect, it } from 'vitest';
import { RackseedError } from '../../../src/lib/index.ts';
import type { PipelineStep } from '../../../src/pipeline/index.ts';
import type { Store } from '../../../src/store/index.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { openPipelineSite, type PipelineSite } from '../../support/pipeline-site.ts';
import { memoryUrl } from '../../unit/tasks/harness.ts';

const HOUR = 3_600_000;
const FILES = { three: '[[steps]]\nstep = "one"\n[[steps]]\nstep = "two"\n[[steps]]\nstep = "three"\n' };
const KILLED = new Error('killed');

/** At the n-th boundary everything ends: nothing is written or done any more. */
class Life {
  count = 0;
  isDead = false;
  readonly #last: number;

  constructor(last: number) {
    this.#last = last;
  }

  boundary(): void {
    this.count += 1;
    if (this.count >= this.#last) this.isDead = true;
    if (this.isDead) throw KILLED;
  }
}

/** Both sides of each transaction are boundaries; the dead read nothing either. */
function mortal(store: Store, life: Life): Store {
  return new Proxy(store, {
    get: (target, key, receiver) => {
      if (key === 'transaction') {
        const transaction: Store['transaction'] = async (work) => {
          life.boundary();
          const result = await target.transaction(work);
          life.boundary();
          return result;
        };
        return transaction;
      }
      if (key === 'db' && life.isDead) throw KILLED;
      const value: unknown = Reflect.get(target, key, receiver);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value; // a method stays one
    },
  });
}

/** What is so on the machine, which lives on. Its second step is refused once, as by a connection that breaks. */
interface Machine {
  readonly done: Set<string>;
  breaks: number;
  applied: number;
}

function stepsOf(machine: Machine, life: Life): PipelineStep[] {
  return ['one', 'two', 'three'].map((name) => ({
    name,
    title: name,
    provenOn: 'simulator',
    args: Type.Object({}),
    timeoutMs: 60_000,
    describe: () => name,
    ...(name === 'two' ? { lock: () => 'cluster:home', joins: () => 'home' } : {}),
    check: async () => {
      life.boundary();
      return machine.done.has(name) ? { is: 'satisfied', words: 'so it is' } : { is: 'needed', plan: [`do ${name}`] };
    },
    apply: async () => {
      life.boundary();
      if (name === 'two' && machine.breaks > 0) {
        machine.breaks -= 1;
        throw new RackseedError('proxmox.shell_broke', { status: 502, about: '', retryable: true }, { message: 'it broke' });
      }
      machine.done.add(name);
      machine.applied += 1;
      life.boundary();
    },
  }));
}

interface World {
  readonly clock: FakeClock;
  readonly url: string;
  readonly machine: Machine;
}

async function live({ clock, url, machine }: World, life: Life, work: (site: PipelineSite) => Promise<unknown>): Promise<void> {
  const directory = join(new URL(url.replace('sqlite:', 'file:')).pathname, '..', 'pipelines');
  const through = (store: Store): Store => mortal(store, life);
  const site = await openPipelineSite({ clock, url, directory, steps: stepsOf(machine, life), files: FILES, through });
  await clock.until(work(site), 24 * HOUR).catch((thrown: unknown) => {
    if (!life.isDead) throw thrown;
  });
  await clock.until(site.stop()).catch(() => undefined); // the dead end as they can
}

/** Until its node has come to rest, or the process is dead. */
async function toRest(site: PipelineSite, life: Life, clock: FakeClock): Promise<void> {
  for (;;) {
    await clock.sleep(500);
    if (life.isDead) return;
    await site.keeper.tick();
    const node = await site.nodes.get('pve1');
    const runs = await site.book.newest(node.uuid);
    if (node.provisionState === 'service failed' || (node.provisionState === 'active' && runs?.state === 'done')) {
      if ((await site.lifecycle.holders([node.uuid])).size === 0) return;
    }
  }
}

it('ends the same wherever the process is killed, from the end of the installation to the end of the run', async () => {
  let kills = 0;
  for (let last = 1; ; last += 1) {
    const world: World = { clock: createFakeClock(), url: await memoryUrl(), machine: { done: new Set(), breaks: 1, applied: 0 } };
    const { clock, machine } = world;
    const undisturbed = new Life(Number.POSITIVE_INFINITY);
    await live(world, undisturbed, async (site) => {
      const { uuid } = await site.active('pve1');
      await site.desk.deployed(uuid, 'task-0');
    });
    const life = new Life(last);
    await live(world, life, (site) => toRest(site, life, clock));
    const second = new Life(Number.POSITIVE_INFINITY);
    await live(world, second, async (site) => {
      await toRest(site, second, clock);
      const node = await site.nodes.get('pve1');
      const where = `killed at boundary ${last}`;
      expect([where, node.provisionState, node.lastError, node.maintenance]).toEqual([where, 'active', null, false]);
      expect([where, ...machine.done]).toEqual([where, 'one', 'two', 'three']);
      expect(node).toMatchObject({ protected: true });
      const runs = await site.store.db.selectFrom('pipeline_runs').select(['state']).where('node_uuid', '=', node.uuid).execute();
      expect([where, ...runs]).toEqual([where, { state: 'done' }]);
      expect(await site.store.db.selectFrom('leases').select('key').where('key', 'like', 'pipeline:%').execute()).toEqual([]);
      expect(await site.book.dues()).toEqual([]);
    });
    // What is done is done once, unless the process died between doing it and hearing of it.
    expect(machine.applied).toBeLessThanOrEqual(3);
    if (!life.isDead) break;
    kills += 1;
  }
  expect(kills).toBeGreaterThan(60);
}, 300_000);
