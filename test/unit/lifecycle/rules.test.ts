// Who may not be asked for what: maintenance, retirement, protection, ignored and observed machines, drivers that can not.

import { expect, it } from 'vitest';
import { systemClock } from '../../../src/lib/index.ts';
import type { Node, NodeInput, ProvisionState } from '../../../src/nodes/index.ts';
import { errorOf } from '../nodes/world.ts';
import { openWorld, type World } from './world.ts';

async function refusal(world: World, node: Node, verb: string): Promise<{ code?: string; status?: number; message: string }> {
  const before = await world.nodes.get(node.uuid);
  const error = await errorOf(() => world.life.provision(node, { verb }, { who: 'user' }));
  expect(await world.nodes.get(node.uuid)).toEqual(before);
  expect(await world.tasks.list({ nodeUuid: node.uuid, limit: 1 })).toEqual([]);
  return error;
}

const CASES: readonly [state: ProvisionState, input: Partial<NodeInput>, verb: string, code: string, status: number, says: string][] = [
  ['available', { maintenance: true }, 'active', 'lifecycle.in_maintenance', 400, "The provisioning operation can't be performed on node"],
  [
    'active',
    { maintenance: true, maintenanceReason: 'fan' },
    'rebuild',
    'lifecycle.in_maintenance',
    400,
    "because it's in maintenance mode",
  ],
  ['manageable', { retired: true }, 'provide', 'lifecycle.retired', 400, "The providing operation can't be performed on node"],
  ['active', { protected: true }, 'deleted', 'nodes.protected', 403, 'protected'],
  ['active', { protected: true }, 'rebuild', 'nodes.protected', 403, 'protected'],
  ['manageable', { ignored: true }, 'provide', 'nodes.ignored', 409, 'ignored'],
  ['available', { observeOnly: true }, 'active', 'lifecycle.observe_only', 403, 'observe-only'],
  ['available', { instanceInfo: { traits: ['CUSTOM_GPU'] } }, 'active', 'lifecycle.bad_request', 400, 'CUSTOM_GPU'],
  ['manageable', { interfaces: { inspect: 'no-inspect' } }, 'inspect', 'lifecycle.not_valid', 400, 'does not support inspect'],
  ['active', { interfaces: { rescue: 'no-rescue' } }, 'rescue', 'lifecycle.bad_request', 400, 'rescue_password'],
];

it('refuses what the node’s own flags forbid, with Ironic’s status, and changes nothing', async () => {
  const world = await openWorld({ clock: systemClock, isStill: true });
  for (const [at, [state, input, verb, code, status, says]] of CASES.entries()) {
    const node = await world.put(await world.enrol(`n${at}`, input), state);
    const error = await refusal(world, node, verb);
    expect([at, error.code, error.status]).toEqual([at, code, status]);
    expect(error.message).toContain(says);
  }
});

it('writes nothing to any machine of a site that is observe-only, and still lets a person give up', async () => {
  const world = await openWorld({ clock: systemClock, isStill: true, observeOnly: () => 'this site is observe-only' });
  const node = await world.put(await world.enrol('n1'), 'manageable');
  for (const verb of ['provide', 'inspect', 'adopt']) {
    const error = await refusal(world, node, verb);
    expect([verb, error.code]).toEqual([verb, 'lifecycle.observe_only']);
  }
  const power = await errorOf(() => world.life.setPower(node, 'power on', null, { who: 'user' }));
  expect(power.code).toBe('lifecycle.observe_only');
  const failed = await world.put(node, 'clean hold', 'available');
  await world.life.provision(failed, { verb: 'abort' }, { who: 'user' });
  expect((await world.nodes.get('n1')).provisionState).toBe('clean failed');
});

it('says of each interface whether it can work on the node', async () => {
  const world = await openWorld({ clock: systemClock, isStill: true });
  const node = await world.enrol('n1', { interfaces: { rescue: 'no-rescue' } });
  const found = await world.life.validate(node);
  expect(found.power).toEqual({ result: true, reason: null });
  expect(found.rescue.result).toBe(false);
  expect(found.rescue.reason).toContain('does not support rescue');
});

it('uses a runbook only on a node that has its trait', async () => {
  const world = await openWorld({ clock: systemClock });
  const node = await world.put(await world.enrol('n1'), 'manageable');
  const steps = JSON.stringify([{ interface: 'bios', step: 'factory_reset', args: {}, order: 1 }]);
  const times = { created_at: 1, updated_at: 1 };
  const rest = { description: null, disable_ramdisk: 0, public: 1, owner: null, traits: '[]', extra: '{}', ...times } as const;
  await world.store.db
    .insertInto('runbooks')
    .values({ uuid: 'r1', name: 'CUSTOM_RESET', steps, ...rest })
    .execute();
  const missing = await errorOf(() => world.provision('n1', 'clean', { runbook: 'CUSTOM_NONE' }));
  expect(missing).toMatchObject({ code: 'lifecycle.not_found', message: 'Runbook CUSTOM_NONE could not be found.' });
  expect((await errorOf(() => world.provision('n1', 'clean', { runbook: 'CUSTOM_RESET' }))).message).toContain('not approved');
  await world.store.transaction((tx) => world.nodes.update(tx, node, { traits: ['CUSTOM_RESET'] }, { who: 'user' }));
  expect((await world.ask('n1', 'clean', { runbook: 'CUSTOM_RESET' })).provisionState).toBe('manageable');
});
