// High availability: resources, groups (8), rules (9). Nothing is ever moved.

import { ApiError, died } from '../errors.ts';
import { quorumOf, type SimObject } from '../world.ts';
import { type Call, isYes, listOf, type Methods } from './call.ts';
import { changeFile, type Kind, methodsFor, objectsOf } from './objects.ts';

const MIGRATED = 'ha groups have been migrated to rules';

const RESOURCES: Kind = {
  file: 'ha/resources.cfg',
  title: 'resource',
  list: '/cluster/ha/resources',
  id: 'sid',
  verify: (call, { group }, sid) => {
    const vmid = Number(sid.split(':')[1]);
    const guests = [...call.world.members.values()].filter(({ etc }) => etc === call.member.etc).flatMap((one) => [...one.guests]);
    if (!guests.includes(vmid)) throw died(`unable to find configuration file for VM ${vmid} on node '${call.member.name}'`);
    if (group === undefined) return;
    if (call.world.release !== '8.4') throw died(`invalid parameter 'group': ${MIGRATED}`);
    if (!objectsOf(call, GROUPS).has(String(group))) throw died(`ha group '${String(group)}' does not exist`);
  },
  shown: (_, object) => ({ state: 'started', ...object }),
};

const GROUPS: Kind = { file: 'ha/groups.cfg', title: 'ha group', list: '/cluster/ha/groups', id: 'group', fixed: { type: 'group' } };

const RULES: Kind = {
  file: 'ha/rules.cfg',
  title: 'ha rule',
  list: '/cluster/ha/rules',
  id: 'rule',
  verify: (call, rule, id) => {
    const needed = rule.type === 'node-affinity' ? 'nodes' : 'affinity';
    for (const name of [needed, 'resources'])
      if (rule[name] === undefined)
        throw new ApiError(400, 'Parameter verification failed.', { [name]: 'property is missing and it is not optional' });
    const unmanaged = listOf(String(rule.resources)).filter((sid) => !objectsOf(call, RESOURCES).has(sid));
    if (unmanaged.length > 0) throw died(`cannot use unmanaged resource(s) ${unmanaged.join(', ')}.`);
    const nodes = rule.nodes === undefined ? [] : listOf(String(rule.nodes)).map((node) => node.split(':')[0] ?? '');
    const unknown = nodes.find((node) => call.member.etc.corosync?.nodes.has(node) !== true);
    if (unknown !== undefined) throw died(`Rule '${id}' is invalid.\n  nodes: cannot add non-existing node '${unknown}'`);
    assertAlone(call, rule, id);
  },
};

/** A resource is in one rule of node affinity at most. */
function assertAlone(call: Call, rule: SimObject, id: string): void {
  if (rule.type !== 'node-affinity' || isYes(String(rule.disable))) return;
  const own = listOf(String(rule.resources));
  for (const [other, { type, resources, disable }] of objectsOf(call, RULES)) {
    const isRival = other !== id && type === 'node-affinity' && !isYes(String(disable));
    const both = isRival ? listOf(String(resources)).find((sid) => own.includes(sid)) : undefined;
    if (both !== undefined)
      throw died(`Rule '${id}' is invalid.\n  resources: resource '${both}' is already used in another node affinity rule`);
  }
}

/** `100` is vm:100. */
function named(call: Call): Call {
  const { sid } = call.params;
  return sid === undefined || sid.includes(':') ? call : { ...call, params: { ...call.params, sid: `vm:${sid}` } };
}

const resources = methodsFor(RESOURCES);
const withNames: Methods = Object.fromEntries(Object.entries(resources).map(([name, code]) => [name, (call: Call) => code(named(call))]));
/** Gone since 9, where groups were made into rules. */
const onlyIn8: Methods = Object.fromEntries(
  Object.entries(methodsFor(GROUPS)).map(([name, code]) => [
    name,
    (call: Call) => {
      if (call.world.release !== '8.4') throw died(`cannot ${name === `GET ${GROUPS.list}` ? 'index' : 'use'} groups: ${MIGRATED}`);
      return code(call);
    },
  ]),
);

function current(call: Call): unknown {
  const { world, member } = call;
  const isQuorate = quorumOf(world, member).isQuorate;
  const quorum = { id: 'quorum', type: 'quorum', node: member.name, status: isQuorate ? 'OK' : 'No quorum!', quorate: isQuorate ? 1 : 0 };
  const services = [...objectsOf(call, RESOURCES)].map(([sid, { state = 'started' }]) => ({
    id: `service:${sid}`,
    type: 'service',
    sid,
    node: ownerOf(call, sid),
    state,
    status: `${sid} (${ownerOf(call, sid)}, ${String(state)})`,
  }));
  return [quorum, ...services];
}

function ownerOf({ world, member }: Call, sid: string): string {
  const vmid = Number(sid.split(':')[1]);
  return [...world.members.values()].find(({ guests, etc }) => etc === member.etc && guests.has(vmid))?.name ?? member.name;
}

export const HA: Methods = {
  ...withNames,
  ...onlyIn8,
  ...methodsFor(RULES),
  // Rules that named a resource are changed with it, where that is asked for: the default.
  'DELETE /cluster/ha/resources/{sid}': (call) => {
    const { sid = '' } = named(call).params;
    return changeFile(call, RESOURCES.file, () => {
      const known = objectsOf(call, RESOURCES);
      if (!known.delete(sid)) throw died(`cannot delete service '${sid}', no such service`);
      for (const [id, rule] of objectsOf(call, RULES)) {
        const left = listOf(String(rule.resources)).filter((one) => one !== sid);
        if (left.length === 0) objectsOf(call, RULES).delete(id);
        else objectsOf(call, RULES).set(id, { ...rule, resources: left.join(',') });
      }
    });
  },
  'GET /cluster/ha/status/current': current,
  'GET /cluster/ha/status/manager_status': ({ member }) => ({
    manager_status: { master_node: member.name, node_status: {}, service_status: {}, timestamp: 0 },
    quorum: { node: member.name, quorate: '1' },
  }),
};
