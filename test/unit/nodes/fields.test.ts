import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/lib/index.ts';
import { checkFields } from '../../../src/nodes/checks.ts';
import { isSecretKey, type JsonObject, nameRefusal } from '../../../src/nodes/index.ts';
import { jsonColumn } from '../../../src/nodes/json.ts';
import { nodeOfRow } from '../../../src/nodes/model.ts';
import { sealDriverInfo } from '../../../src/nodes/sealed.ts';
import { errorOf, nodeRow } from './world.ts';

const noVault = { seal: () => 'sealed', open: () => new Secret('opened') };

function nested(depth: number): JsonObject {
  let value: JsonObject = {};
  for (let level = 1; level < depth; level += 1) value = { inner: value };
  return value;
}

it.each(['pve1', 'metal3~worker-0.rack_1', '1', 'X'.repeat(255)])('%s is a node name', (name) => expect(nameRefusal(name)).toBeUndefined());

it.each(['', 'a/b', 'a b', '..', '.', '..', 'käse', 'detail', 'Maintenance', '11111111-2222-4333-8444-55555555AAAA', 'x'.repeat(256)])(
  '%j is no node name',
  (name) => expect(nameRefusal(name)).toBeDefined(),
);

it.each([
  ['a bad name', { name: 'a/b' }, 'nodes.bad_name'],
  ['an empty driver', { driver: '' }, 'nodes.bad_field'],
  ['a description that is too long', { description: 'x'.repeat(4097) }, 'nodes.bad_field'],
  ['a resource class that is too long', { resourceClass: 'x'.repeat(81) }, 'nodes.bad_field'],
  ['an instance that is no UUID', { instanceUuid: 'vm-100' }, 'nodes.bad_field'],
] as const)('refuses %s', async (_what, fields, code) => {
  expect(await errorOf(() => checkFields(fields))).toMatchObject({ code });
});

it('takes fields as long as they may be, and nothing where nothing is', () => {
  expect(() => checkFields({ name: null, description: 'x'.repeat(4096), resourceClass: 'x'.repeat(80), owner: null })).not.toThrow();
});

describe('JSON', () => {
  it('is taken up to its cap in bytes, not characters', async () => {
    expect(jsonColumn('local_link_connection', { a: 'x'.repeat(4088) })).toHaveLength(4096);
    expect(await errorOf(() => jsonColumn('local_link_connection', { a: 'x'.repeat(4089) }))).toMatchObject({ code: 'nodes.too_large' });
    expect(await errorOf(() => jsonColumn('local_link_connection', { a: 'ü'.repeat(2100) }))).toMatchObject({ code: 'nodes.too_large' });
  });

  it('is taken 25 levels deep, and refused deeper before anything recurses into it', async () => {
    expect(() => jsonColumn('extra', nested(25))).not.toThrow();
    expect(await errorOf(() => jsonColumn('extra', nested(26)))).toMatchObject({ code: 'nodes.too_large' });
    expect(await errorOf(() => jsonColumn('extra', nested(50_000)))).toMatchObject({ code: 'nodes.too_large' });
    expect(await errorOf(() => sealDriverInfo('u', nested(50_000), noVault))).toMatchObject({ code: 'nodes.too_large' });
  });
});

it.each(['redfish_password', 'ipmi_hex_kg_key', 'snmp_community', 'apiToken', 'clientSecret', 'ssh_private_key'])(
  '%s names a secret',
  (key) => expect(isSecretKey(key)).toBe(true),
);
it.each(['redfish_address', 'redfish_username', 'ssh_public_key', 'deploy_kernel', 'password_file', 'monkey'])(
  '%s names no secret',
  (key) => expect(isSecretKey(key)).toBe(false),
);

describe('a damaged record', () => {
  it.each([
    ['a state that does not exist', { provision_state: 'deploy complete' }],
    ['JSON that is none', { properties: '{' }],
    ['JSON that is no object', { extra: '[]' }],
    ['a power state that does not exist', { power_state: 'maybe' }],
    ['a UUID that is none', { uuid: 'pve1' }],
  ])('with %s is said to be damaged, not guessed at', async (_what, columns) => {
    expect(await errorOf(() => nodeOfRow({ ...nodeRow(), ...columns }))).toMatchObject({ code: 'nodes.damaged_record' });
  });
});
