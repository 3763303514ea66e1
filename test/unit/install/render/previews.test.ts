import { expect, test } from 'vitest';
import { createAnswerDrafts } from '../../../../src/install/render/drafts.ts';
import { createAnswerPreviews, type PreviewParts } from '../../../../src/install/render/previews.ts';
import { createAnswerTemplates } from '../../../../src/install/render/templates.ts';
import { resource } from '../../../../src/lib/index.ts';
import type { Inventory, Node, Port } from '../../../../src/nodes/index.ts';
import { load } from '../../config/load-text.ts';
import { PLAN } from './parts.ts';

const CONFIG =
  '[[profile]]\nname = "pve"\nos = "proxmox"\nanswer_template = "zfs"\n[[profile]]\nname = "other"\nos = "proxmox"\nanswer_template = "ext4-lvm"\nsystem_disks = { filesystem = "ext4" }\n';
const NODE = {
  uuid: '00000000-0000-4000-8000-000000000001',
  name: 'pve1',
  smbiosSerial: null,
  properties: {},
  instanceInfo: {},
  extra: {},
};
const DISK = {
  name: '/dev/sda',
  model: 'SSD',
  size: 500e9,
  rotational: false,
  wwn: null,
  serial: 'S1',
  removable: false,
  read_only: false,
};

async function previewsOf(more: Partial<PreviewParts> = {}, disks: readonly object[] = [DISK]) {
  const { config } = await load(CONFIG);
  const port = { address: PLAN.managementMac.toLowerCase(), pxeEnabled: true } as Port; // no more of it is read
  const inventory = { inventory: { disks, boot: { current_boot_mode: 'uefi' } }, pluginData: {} } as unknown as Inventory; // nor of it
  const nodes = { inventory: () => Promise.resolve(inventory), ports: { ofNodes: () => Promise.resolve([port]) } };
  const templates = createAnswerTemplates({ own: '/nowhere', shipped: resource('answer-files') });
  const previews = createAnswerPreviews({
    config,
    nodes,
    drafts: createAnswerDrafts({ config, nodes, templates }),
    addresses: { peek: () => Promise.resolve({ address: PLAN.address, notes: [] }) },
    installers: { find: () => Promise.reject(new Error('not asked for')), newest: () => Promise.resolve(undefined) },
    profileOf: () => Promise.resolve('pve'),
    lastPlan: () => Promise.resolve(null),
    ownKey: () => Promise.resolve('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHN0aWxsLWEtbWFkZS11cC1rZXktZm9yLXRoaXM= rackseed'),
    site: { url: 'https://10.0.0.2:6385', fingerprint: 'ab'.repeat(32) },
    ...more,
  });
  return (order: { readonly node?: Partial<Node>; readonly profile?: string; readonly release?: string; readonly isLast?: boolean } = {}) =>
    previews({ ...order, node: { ...NODE, ...order.node } as Node }); // no more of it is read
}

test('it goes by the profile that the installation goes by, then by the one that the node was approved with', async () => {
  const preview = await previewsOf();
  expect(await preview()).toMatchObject({ profile: 'pve', template: 'zfs', faults: [] });
  expect(await preview({ node: { extra: { profile: 'other' } } })).toMatchObject({ profile: 'other', template: 'ext4-lvm', faults: [] });
  expect(await preview({ profile: 'other', node: { extra: { profile: 'pve' } } })).toMatchObject({ profile: 'other' });
});

test('it names the disks that would be chosen, and no secret', async () => {
  const { text, notes } = await (await previewsOf({}, [DISK, { ...DISK, name: '/dev/sdb', serial: 'S2' }]))();
  expect(text).toContain('raid = "raid1"');
  expect(text).toContain('root-password-hashed = "******"');
  expect(text).toContain('auth-token = "******"');
  expect(text).toContain('url = "https://10.0.0.2:6385/install/done/******"');
  expect(text).not.toContain('masked');
  expect(notes.join('\n')).toMatch(/S1.*S2/);
});

test('what the last installation was agreed to with stays as it was, whatever the templates say now', async () => {
  const document = { global: { keyboard: 'fr', country: 'fr', timezone: 'Europe/Paris', mailto: 'root@localhost.localdomain' } };
  const plan = { ...PLAN, document, installer: 'a'.repeat(64), profile: 'gone', disks: [], stamps: null };
  const preview = await previewsOf({ lastPlan: () => Promise.resolve({ plan, target: { product: 'pve', release: '8.4' } }) });
  const { text, ...rest } = await preview({ isLast: true });
  expect(rest).toMatchObject({ profile: 'gone', template: null, release: '8.4', faults: [] });
  expect(text).toContain('keyboard = "fr"');
  expect(text).toContain('ID_PART_TABLE_UUID = "deadbeef*"');
  expect(text).not.toContain('pinning');
});

test('a node without a name, and a node of which nothing is known', async () => {
  const preview = await previewsOf();
  const { text, faults } = await preview({ node: { name: null } });
  expect(text).toBeNull();
  expect(faults[0]).toMatchObject({ key: 'global.fqdn', message: 'the node has no name, which its system would bear' });
  const unknown = await previewsOf({ nodes: { inventory: () => Promise.resolve(undefined) } });
  expect((await unknown()).notes).toContain('the disks of the node are not known yet');
});

test('words of the node that are no table are a fault', async () => {
  const { text, faults } = await (await previewsOf())({ node: { instanceInfo: { answer: 'x' } } });
  expect(text).toBeNull();
  expect(faults).toContainEqual(expect.objectContaining({ source: 'instance_info.answer', key: 'instance-info-answer' }));
});
