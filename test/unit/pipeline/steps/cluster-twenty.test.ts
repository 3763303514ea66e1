// Twenty machines told to become one cluster at once: the runner over the real store, the steps, the stand-in for Proxmox VE.

import { expect, it } from 'vitest';
import { silentLog, systemRandom } from '../../../../src/lib/index.ts';
import { createNodes } from '../../../../src/nodes/index.ts';
import {
  createRegistry,
  createRunBook,
  driveRun,
  type Hands,
  type Pipeline,
  type RunnerParts,
  STEPS,
  type StepLook,
} from '../../../../src/pipeline/index.ts';
import { quorumOf } from '../../../sim/pve/index.ts';
import { openTestStore } from '../../../support/store.ts';
import { type ClusterWorld, clusterWorld } from './cluster-world.ts';

const MACHINES = 20;
const PIPELINE: Pipeline = {
  name: 'cluster',
  entries: [
    { step: 'cluster-create', args: {}, when: null },
    { step: 'cluster-join', args: { way: 'ssh' }, when: null },
  ],
};

function handsOf(world: ClusterWorld, first: StepLook): Hands {
  let look = first;
  const none = (): Promise<never> => Promise.reject(new Error('no step here asks for it'));
  return {
    shell: world.shell(first.node.name),
    shellAt: none,
    pve: none,
    secret: () => Promise.resolve(undefined),
    sees: (seen) => {
      look = seen;
    },
    memberShell: () => {
      const [member] = look.members;
      return member === undefined ? none() : Promise.resolve(world.shell(member.name));
    },
    close: () => Promise.resolve(),
  };
}

async function site(world: ClusterWorld) {
  const { clock } = world;
  const store = await openTestStore({ clock });
  const common = { store, clock, random: systemRandom, log: silentLog };
  const nodes = createNodes(common);
  const book = createRunBook(common);
  const members: string[] = [];
  const nameOf = async (uuid: string): Promise<string> => (await nodes.get(uuid)).name ?? uuid;
  const look = async (uuid: string): Promise<StepLook> => world.look(await nameOf(uuid), { members: [...members] });
  const parts: RunnerParts = {
    ...common,
    book,
    steps: createRegistry(STEPS),
    look,
    open: (seen) => Promise.resolve(handsOf(world, seen)),
    joins: async (tx, uuid, _, isMember) => {
      const { name } = await nodes.get(uuid, tx);
      if (isMember && name !== null && !members.includes(name)) members.push(name);
    },
  };
  const begin = async (name: string): Promise<string> => {
    const { uuid } = await store.transaction((tx) => nodes.create(tx, { name, driver: 'fake-hardware' }, { who: 'user', actor: 'olga' }));
    await store.db.updateTable('nodes').set({ provision_state: 'servicing' }).where('uuid', '=', uuid).execute();
    return (await book.begin({ nodeUuid: uuid, task: `task-${name}`, pipeline: PIPELINE })).uuid;
  };
  /** As the task engine does: what waits is driven again when its time has come. */
  const through = async (run: string): Promise<void> => {
    for (;;) {
      const driven = await driveRun(parts, await book.get(run), {
        signal: new AbortController().signal,
        progress: () => undefined,
        log: () => undefined,
      });
      if (driven.is === 'done') return;
      await clock.sleep(driven.until - clock.now());
    }
  };
  return { members, begin, through };
}

it('has twenty machines that are told at once join one at a time, and all of them are in', async () => {
  const world = await clusterWorld(MACHINES);
  const names = [...world.world.members.keys()];
  const { members, begin, through } = await site(world);
  const runs: string[] = [];
  for (const name of names) runs.push(await begin(name));
  await world.clock.until(Promise.all(runs.map((run) => through(run))), 4 * 3_600_000);

  expect(members.toSorted()).toEqual(names.toSorted());
  const made = world.commands.filter(({ command }) => command[1] === 'create').map(({ on }) => on);
  expect(made).toHaveLength(1);
  for (const name of names) expect(quorumOf(world.world, world.member(name))).toMatchObject({ expected: MACHINES, total: MACHINES });
  // Whoever begins finds the one before done: between two beginnings lies the end of the first.
  const steps = world.commands.flatMap(({ on, command }) => {
    if (command.includes('add')) return [`${on} begins`];
    return command[0] === 'rm' && command.includes('/var/lib/rackseed/cluster-join') ? [`${on} is in`] : [];
  });
  const joined = members.slice(1);
  expect(steps).toEqual(joined.flatMap((name) => [`${name} begins`, `${name} is in`]));
  expect(world.keys('pve1')).not.toContain('rackseed-join-');
});
