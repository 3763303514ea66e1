// Software-defined networks: zones, vnets, subnets, fabrics. What is changed waits until it is applied. Nothing is ever connected.

import { createHash } from 'node:crypto';
import { died } from '../errors.ts';
import { startTask } from '../tasks.ts';
import type { SimObject } from '../world.ts';
import type { Call, Methods } from './call.ts';
import { type Kind, methodsFor, objectsOf } from './objects.ts';

const APPLY_MS = 2000;
const STATES = '/cluster/sdn (state)';

/** What ran when it was last applied, by list and name. */
function applied({ member: { etc } }: Call): Map<string, SimObject> {
  const known = etc.objects.get(STATES) ?? new Map<string, SimObject>();
  etc.objects.set(STATES, known);
  return known;
}

const sumOf = (object: SimObject): string => createHash('sha1').update(JSON.stringify(object)).digest('hex');

/** state: new or changed, until it is applied. */
function withState(kind: () => Kind): (call: Call, object: SimObject) => SimObject {
  return (call, object) => {
    const id = [...objectsOf(call, kind())].find(([, one]) => one === object)?.[0] ?? '';
    const ran = applied(call).get(`${kind().list} ${id}`);
    if (ran === undefined) return { ...object, state: 'new' };
    return ran.sum === sumOf(object) ? object : { ...object, state: 'changed' };
  };
}

const ZONES: Kind = {
  file: 'sdn/zones.cfg',
  title: 'sdn zone object',
  list: '/cluster/sdn/zones',
  id: 'zone',
  verify: ({ world, member }, { nodes, bridge, type }) => {
    if (type === 'vlan' && bridge === undefined) throw died('missing bridge');
    const unknown =
      nodes === undefined
        ? undefined
        : String(nodes)
            .split(',')
            .find((name) => world.members.get(name)?.etc !== member.etc);
    if (unknown !== undefined) throw died(`node '${unknown}' does not exist`);
  },
  shown: withState(() => ZONES),
};

const VNETS: Kind = {
  file: 'sdn/vnets.cfg',
  title: 'sdn vnet object',
  list: '/cluster/sdn/vnets',
  id: 'vnet',
  fixed: { type: 'vnet' },
  verify: (call, { zone, tag }, id) => {
    const known = objectsOf(call, ZONES).get(String(zone));
    if (known === undefined) throw died(`zone ${String(zone)} does not exist`);
    if (known.type !== 'simple' && tag === undefined) throw died('missing vlan tag');
    for (const [other, { zone: itsZone, tag: itsTag }] of objectsOf(call, VNETS))
      if (other !== id && tag !== undefined && itsZone === zone && itsTag === tag)
        throw died(`tag ${String(tag)} already exist in zone ${String(zone)}`);
  },
  shown: withState(() => VNETS),
};

/** Named by their zone and their net. */
function subnetsOf(vnet: string): Kind {
  return {
    file: 'sdn/subnets.cfg',
    title: 'sdn subnet object',
    list: `/cluster/sdn/vnets/${vnet}/subnets`,
    id: 'subnet',
    fixed: { vnet, type: 'subnet' },
  };
}

function subnets(verb: 'GET' | 'POST' | 'PUT' | 'DELETE', isOne: boolean): (call: Call) => unknown {
  return (call) => {
    const { vnet = '', subnet } = call.params;
    const known = objectsOf(call, VNETS).get(vnet);
    if (known === undefined) throw died(`vnet ${vnet} does not exist`);
    const id = subnet?.includes('/') === true ? `${String(known.zone)}-${subnet.replace('/', '-')}` : subnet;
    const named = { ...call, params: { ...call.params, ...(id === undefined ? {} : { subnet: id }) } };
    const kind = subnetsOf(vnet);
    return methodsFor(kind)[`${verb} ${kind.list}${isOne ? '/{subnet}' : ''}`]?.(named);
  };
}

const FABRICS: Kind = {
  file: 'sdn/fabrics.cfg',
  title: 'fabric',
  list: '/cluster/sdn/fabrics/fabric',
  id: 'id',
  verify: (_, { protocol, area }) => {
    if (protocol === 'ospf' && area === undefined) throw died('ospf needs an area');
  },
  shown: withState(() => FABRICS),
};

function nodesOf(fabric: string): Kind {
  return {
    file: 'sdn/fabrics.cfg',
    title: 'fabric node',
    list: `/cluster/sdn/fabrics/node/${fabric}`,
    id: 'node_id',
    fixed: { fabric_id: fabric },
  };
}

function fabricNodes(verb: 'GET' | 'POST' | 'PUT' | 'DELETE', isOne: boolean): (call: Call) => unknown {
  return (call) => {
    const { fabric_id: fabric = '' } = call.params;
    if (!objectsOf(call, FABRICS).has(fabric)) throw died(`fabric ${fabric} does not exist`);
    const kind = nodesOf(fabric);
    return methodsFor(kind)[`${verb} ${kind.list}${isOne ? '/{node_id}' : ''}`]?.(call);
  };
}

function apply(call: Call): string {
  const { world, member, user } = call;
  return startTask(world, member, { type: 'reloadnetworkall', user }, async ({ takes }) => {
    await takes(APPLY_MS);
    const ran = applied(call);
    ran.clear();
    for (const kind of [ZONES, VNETS, FABRICS])
      for (const [id, object] of objectsOf(call, kind)) ran.set(`${kind.list} ${id}`, { sum: sumOf(object) });
  }).upid;
}

const remove = methodsFor(ZONES)['DELETE /cluster/sdn/zones/{zone}'];

export const SDN: Methods = {
  ...methodsFor(ZONES),
  ...methodsFor(VNETS),
  ...methodsFor(FABRICS),
  'DELETE /cluster/sdn/zones/{zone}': (call) => {
    const user = [...objectsOf(call, VNETS)].find(([, { zone }]) => zone === call.params.zone);
    if (user !== undefined) throw died(`zone ${call.params.zone} is used by vnet ${user[0]}`);
    return remove?.(call);
  },
  'GET /cluster/sdn': () => ['vnets', 'zones', 'controllers', 'ipams', 'dns', 'fabrics'].map((id) => ({ id })),
  'PUT /cluster/sdn': apply,
  'GET /cluster/sdn/vnets/{vnet}/subnets': subnets('GET', false),
  'POST /cluster/sdn/vnets/{vnet}/subnets': subnets('POST', false),
  'GET /cluster/sdn/vnets/{vnet}/subnets/{subnet}': subnets('GET', true),
  'PUT /cluster/sdn/vnets/{vnet}/subnets/{subnet}': subnets('PUT', true),
  'DELETE /cluster/sdn/vnets/{vnet}/subnets/{subnet}': subnets('DELETE', true),
  'GET /cluster/sdn/fabrics/all': (call) => {
    const fabrics = [...objectsOf(call, FABRICS)].map(([id, fabric]) => ({ id, ...fabric }));
    const nodes = fabrics.flatMap(({ id }) => [...objectsOf(call, nodesOf(id))].map(([name, node]) => ({ node_id: name, ...node })));
    return { fabrics, nodes };
  },
  'GET /cluster/sdn/fabrics/node/{fabric_id}': fabricNodes('GET', false),
  'POST /cluster/sdn/fabrics/node/{fabric_id}': fabricNodes('POST', false),
  'GET /cluster/sdn/fabrics/node/{fabric_id}/{node_id}': fabricNodes('GET', true),
  'PUT /cluster/sdn/fabrics/node/{fabric_id}/{node_id}': fabricNodes('PUT', true),
  'DELETE /cluster/sdn/fabrics/node/{fabric_id}/{node_id}': fabricNodes('DELETE', true),
};
