// Every state × every verb over HTTP, against Ironic's table as it was typed by hand: what is possible is accepted and moves the node
// once, everything else is refused in Ironic's words and changes nothing.

import type { LightMyRequestResponse } from 'fastify';
import { expect, it } from 'vitest';
import { systemClock } from '../../../src/lib/index.ts';
import { type Node, STATE_NAMES, stateOf } from '../../../src/nodes/index.ts';
import { openWorld, type World } from '../lifecycle/world.ts';
import { IRONIC_VERBS, ironicMoves } from '../nodes/ironic.ts';
import { ADMIN, type Harness, openApi, parsed } from './harness.ts';

const LATEST = { ...ADMIN, 'x-openstack-ironic-api-version': '1.110' } as const;
const VERBS = [...Object.keys(IRONIC_VERBS), 'explode', 'done', 'fail', 'resume', 'wait', 'hold'];
/** Moves of the work itself that have the name of a verb: a client that asks for them finds the node locked, or is refused. */
const INNER = ['cleaning|manage', 'deleting|clean'];
const TO = new Map(
  ironicMoves()
    .map((move) => move.split('|'))
    .map(([from, event, to]) => [`${from}|${event}`, to] as const)
    .filter(([pull]) => !INNER.includes(pull)),
);

const BODY: Readonly<Record<string, object>> = {
  clean: { clean_steps: [{ interface: 'deploy', step: 'erase_devices_metadata' }] },
  service: { service_steps: [{ interface: 'bios', step: 'factory_reset' }] },
  rescue: { rescue_password: 'let me in' },
};

interface Api {
  readonly world: World;
  readonly app: Harness['app'];
  put(url: string, body: object, headers?: Record<string, string>): Promise<LightMyRequestResponse>;
}

async function openBoth(): Promise<Api> {
  const world = await openWorld({ clock: systemClock, isStill: true });
  const { nodes, life, store, gateway } = world;
  const { app } = await openApi({
    services: (real) => ({
      ...real,
      nodes,
      ports: nodes.ports,
      lifecycle: life,
      hardware: gateway.registry,
      transaction: (work) => store.transaction(work),
    }),
  });
  return { world, app, put: (url, body, headers = LATEST) => app.inject({ method: 'PUT', url, headers, payload: body }) };
}

/** A node there, with a task that waits for it where one would. */
async function nodeIn({ world }: Api, state: Node['provisionState'], name: string): Promise<Node> {
  const enrolled = await world.enrol(name);
  const { kind } = stateOf(state);
  const node = await world.put(enrolled, state, kind === 'stable' ? null : 'active');
  if (kind !== 'waiting' && kind !== 'held') return node;
  const request = {
    kind: 'node.deploy',
    subject: `node:${node.uuid}`,
    nodeUuid: node.uuid,
    locks: [`node:${node.uuid}`],
    args: { verb: 'active' },
  };
  const id = await world.store.transaction((tx) => world.tasks.submit(tx, request));
  await world.store.db
    .updateTable('tasks')
    .set({ state: 'waiting', run_after: Date.now() + 1e9 })
    .where('id', '=', id)
    .execute();
  return node;
}

async function rows({ world }: Api): Promise<string> {
  const nodes = await world.store.db.selectFrom('nodes').selectAll().orderBy('uuid').execute();
  const tasks = await world.store.db.selectFrom('tasks').selectAll().orderBy('id').execute();
  const { seq } = await world.store.db
    .selectFrom('events')
    .select((eb) => eb.fn.max('seq').as('seq'))
    .executeTakeFirstOrThrow();
  return JSON.stringify([nodes, tasks, seq]);
}

function faultOf(response: LightMyRequestResponse): string {
  const { error_message: text } = parsed(response.body);
  const inner = parsed(String(text));
  expect(inner).toMatchObject({ faultcode: 'Client', debuginfo: null });
  return String(inner.faultstring);
}

for (const state of STATE_NAMES) {
  it(`answers every verb in ${state} as Ironic does`, async () => {
    const api = await openBoth();
    for (const verb of VERBS) {
      const node = await nodeIn(api, state, `${state}-${verb}`.replaceAll(' ', '-'));
      const to = TO.get(`${state}|${IRONIC_VERBS[verb] ?? 'nothing'}`);
      const before = await rows(api);
      const response = await api.put(`/v1/nodes/${node.uuid}/states/provision`, { target: verb, ...BODY[verb] });
      const after = await api.world.nodes.get(node.uuid);
      if (to === undefined) {
        expect([verb, response.statusCode]).toEqual([verb, 400]);
        expect(faultOf(response)).toContain(
          `The requested action "${verb}" can not be performed on node "${node.uuid}" while it is in state "${state}".`,
        );
        expect(await rows(api)).toBe(before);
      } else {
        expect([verb, response.statusCode, response.body]).toEqual([verb, 202, '']);
        expect(response.headers.location).toMatch(new RegExp(`/v1/nodes/${node.uuid}/states$`));
        expect([verb, after.provisionState]).toEqual([verb, to]);
      }
    }
  });
}

it('refuses every verb of a node that something works on with 409, and names who does', async () => {
  const api = await openBoth();
  const node = await nodeIn(api, 'active', 'busy');
  expect((await api.put('/v1/nodes/busy/states/provision', { target: 'deleted' })).statusCode).toBe(202);
  const before = await rows(api);
  for (const verb of Object.keys(IRONIC_VERBS)) {
    const response = await api.put('/v1/nodes/busy/states/provision', { target: verb, ...BODY[verb] });
    expect([verb, response.statusCode]).toEqual([verb, 409]);
    expect(faultOf(response)).toContain(
      `Node ${node.uuid} is locked by host rack-1, please retry after the current operation is completed.`,
    );
  }
  const power = await api.put('/v1/nodes/busy/states/power', { target: 'power on' });
  expect(power.statusCode).toBe(409);
  expect(faultOf(power)).toContain('is locked by host rack-1');
  expect(await rows(api)).toBe(before);
});

it('asks for the version in which a verb or key came', async () => {
  const api = await openBoth();
  await nodeIn(api, 'manageable', 'old');
  const at = (minor: number) => ({ ...ADMIN, 'x-openstack-ironic-api-version': `1.${minor}` });
  const url = '/v1/nodes/old/states/provision';
  expect((await api.put(url, { target: 'provide' }, at(3))).statusCode).toBe(404); // names came with 1.5
  const { uuid } = await api.world.nodes.get('old');
  expect((await api.put(`/v1/nodes/${uuid}/states/provision`, { target: 'provide' }, at(3))).statusCode).toBe(406);
  expect((await api.put(url, { target: 'adopt' }, at(16))).statusCode).toBe(406);
  expect((await api.put(url, { target: 'clean', disable_ramdisk: true, ...BODY.clean }, at(69))).statusCode).toBe(406);
  expect((await api.put(url, { target: 'clean', runbook: 'CUSTOM_X' }, at(91))).statusCode).toBe(406);
  expect((await api.put('/v1/nodes/old/states/power', { target: 'soft rebooting' }, at(26))).statusCode).toBe(406);
  expect((await api.put('/v1/nodes/old/states/boot_mode', { target: 'uefi' }, at(75))).statusCode).toBe(404);
});

it('refuses what does not go with the verb, and changes nothing', async () => {
  const api = await openBoth();
  await nodeIn(api, 'manageable', 'pve1');
  await nodeIn(api, 'available', 'pve2');
  const before = await rows(api);
  const bodies: readonly [string, object, string][] = [
    ['pve1', { target: 'clean' }, '"clean_steps" is required'],
    ['pve1', { target: 'clean', clean_steps: [{ interface: 'deploy' }] }, 'Invalid clean_steps'],
    ['pve1', { target: 'clean', clean_steps: [{ interface: 'network', step: 'x' }] }, 'interface is one of'],
    ['pve1', { target: 'clean', clean_steps: [{ interface: 'deploy', step: 'x', colour: 'red' }] }, 'colour'],
    ['pve1', { target: 'clean', clean_steps: [{ interface: 'vendor', step: 'send_raw' }] }, 'not allowed'],
    ['pve1', { target: 'provide', clean_steps: [{ interface: 'deploy', step: 'erase_devices' }] }, '"clean_steps" is only valid'],
    ['pve1', { target: 'provide', rescue_password: 'x' }, '"rescue_password" is only valid'],
    ['pve1', { target: 'provide', configdrive: 'aGk=' }, 'config drive is only supported'],
    ['pve1', { target: 'provide', disable_ramdisk: true }, 'disable_ramdisk'],
    ['pve2', { target: 'active', configdrive: '{"a": 1}' }, 'Invalid configdrive'],
    ['pve2', { target: 'active', configdrive: { meta_data: 'x' } }, 'Invalid configdrive'],
    ['pve2', { target: 'active', deploy_steps: [{ interface: 'deploy', step: 'write_image' }] }, 'args and priority'],
    ['pve2', { target: 'active', colour: 'red' }, 'colour'],
    ['pve2', {}, 'target'],
    ['pve2', { target: 7 }, 'target'],
  ];
  for (const [name, body, says] of bodies) {
    const response = await api.put(`/v1/nodes/${name}/states/provision`, body);
    expect([body, response.statusCode]).toEqual([body, 400]);
    expect(faultOf(response)).toContain(says);
  }
  expect(await rows(api)).toBe(before);
});
