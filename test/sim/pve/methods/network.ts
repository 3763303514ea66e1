// The network of a member: what runs, and what lies beside it in interfaces.new until it is applied or taken back.

import { ApiError, died } from '../errors.ts';
import { startTask } from '../tasks.ts';
import type { Member } from '../world.ts';
import { type Call, listOf, type Methods } from './call.ts';

const APPLY_MS = 2000;

type Interfaces = Map<string, Record<string, string>>;

function running(member: Member): Interfaces {
  member.network.running ??= new Map([
    ['lo', { type: 'loopback', method: 'loopback', autostart: '1' }],
    ...member.cards.map(({ name }): [string, Record<string, string>] => [name, { type: 'eth', method: 'manual' }]),
    [
      'vmbr0',
      {
        type: 'bridge',
        method: 'static',
        address: member.ip,
        netmask: '24',
        cidr: `${member.ip}/24`,
        bridge_ports: member.cards[0]?.name ?? '',
        autostart: '1',
      },
    ],
  ]);
  return member.network.running;
}

const now = (member: Member): Interfaces => member.network.staged ?? running(member);

function staged(member: Member): Interfaces {
  member.network.staged ??= new Map([...running(member)].map(([name, value]) => [name, { ...value }]));
  return member.network.staged;
}

const NUMBERS = ['active', 'autostart', 'exists', 'bridge_vlan_aware', 'mtu', 'vlan-id'];

function shown(iface: string, value: Readonly<Record<string, string>>, isActive: boolean): unknown {
  const more = Object.entries(value).map(([name, text]) => [name, NUMBERS.includes(name) ? Number(text) : text]);
  return { iface, families: ['inet'], priority: 1, ...Object.fromEntries(more), ...(isActive ? { active: 1 } : {}) };
}

function list({ member, params }: Call): unknown {
  const fits = (type: string | undefined): boolean =>
    params.type === undefined ||
    params.type === 'include_sdn' ||
    type === params.type ||
    (params.type.startsWith('any_') && type === 'bridge');
  return [...now(member)]
    .filter(([name, { type }]) => name !== 'lo' && fits(type))
    .map(([name, value]) => shown(name, value, running(member).has(name)));
}

function one({ member, params }: Call): Record<string, string> {
  const value = now(member).get(params.iface ?? '');
  if (value === undefined) throw new ApiError(400, 'Parameter verification failed.', { iface: 'interface does not exist' });
  return value;
}

function given({ member, params }: Call): Record<string, string> {
  const { node: _, iface = '', delete: __, ...rest } = params;
  for (const [name, { gateway }] of now(member))
    if (rest.gateway !== undefined && gateway !== undefined && name !== iface)
      throw died(`Default gateway already exists on interface '${name}'.`);
  const [address, netmask] = rest.cidr?.split('/') ?? [];
  const method = rest.cidr === undefined && rest.address === undefined ? 'manual' : 'static';
  const ports = listOf(rest.bridge_ports ?? rest.slaves);
  const unknown = ports.find((port) => !now(member).has(port));
  if (unknown !== undefined) throw died(`${rest.slaves === undefined ? 'bridge port' : 'slave'} '${unknown}' does not exist`);
  return { ...rest, method, ...(address === undefined ? {} : { address, netmask: netmask ?? '' }) };
}

function create(call: Call): void {
  const { member, params } = call;
  const iface = params.iface ?? '';
  if (now(member).has(iface)) throw new ApiError(400, 'Parameter verification failed.', { iface: 'interface already exists' });
  const value = given(call);
  staged(member).set(iface, value);
}

function update(call: Call): void {
  const { member, params } = call;
  const before = one(call);
  const value: Record<string, string> = { ...before, ...given(call) };
  for (const name of listOf(params.delete)) {
    delete value[name];
    if (name === 'cidr') for (const part of ['address', 'netmask']) delete value[part];
  }
  staged(member).set(params.iface ?? '', value);
}

function remove(call: Call): void {
  one(call);
  staged(call.member).delete(call.params.iface ?? '');
}

/** ifreload -a: what is there now replaces what ran. */
function apply({ world, member, user }: Call): string {
  return startTask(world, member, { type: 'srvreload', id: 'networking', user }, async ({ takes }) => {
    await takes(APPLY_MS);
    if (member.network.staged !== null) member.network.running = member.network.staged;
    member.network.staged = null;
  }).upid;
}

export const NETWORK: Methods = {
  'GET /nodes/{node}/network': list,
  'POST /nodes/{node}/network': create,
  'PUT /nodes/{node}/network': apply,
  'DELETE /nodes/{node}/network': ({ member }) => {
    member.network.staged = null;
  },
  'GET /nodes/{node}/network/{iface}': (call) => shown(call.params.iface ?? '', one(call), true),
  'PUT /nodes/{node}/network/{iface}': update,
  'DELETE /nodes/{node}/network/{iface}': remove,
};
