import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { INSTALLERS } from '../../../../src/install/answer/releases.ts';
import { answerRules } from '../../../../src/install/answer/rules.ts';
import { type AnswerOrder, renderAnswer } from '../../../../src/install/render/answer-render.ts';
import { planDocument } from '../../../../src/install/render/document-render.ts';
import { factsOf } from '../../../../src/install/render/facts.ts';
import { createAnswerTemplates } from '../../../../src/install/render/templates.ts';
import type { AnswerTarget, Filesystem, Product, RaidLevel } from '../../../../src/install/seam.ts';
import { resource } from '../../../../src/lib/index.ts';
import type { JsonObject } from '../../../../src/nodes/index.ts';
import { PLAN, SECRETS } from './parts.ts';

const INSTALL = { keyboard: 'de', country: 'at', timezone: 'Europe/Vienna', mailto: 'root@home.arpa', rootKeys: [], domain: 'home.arpa' };
const MACHINE = {
  uuid: '00000000-0000-4000-8000-000000000001',
  name: 'pve1',
  serial: null,
  product: 'NUC',
  manufacturer: 'Intel',
  memoryMb: 16_384,
  cpus: 8,
  macs: ['52:54:00:aa:bb:01'],
};
const SHIPPED = resource('answer-files');
const templates = createAnswerTemplates({ shipped: SHIPPED, own: '/nowhere' });

interface Asked {
  readonly template?: string;
  readonly target?: AnswerTarget;
  readonly variables?: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  readonly own?: JsonObject | null;
  readonly plan?: Partial<AnswerOrder['plan']>;
}

async function answer({
  template = 'zfs-mirror',
  target = { product: 'pve', release: '9.1' },
  variables = {},
  own = null,
  plan = {},
}: Asked) {
  const facts = factsOf({
    machine: MACHINE,
    managementMac: PLAN.managementMac,
    address: PLAN.address,
    profile: { name: 'pve', variables },
    cluster: 'home',
    install: INSTALL,
    installer: target,
  });
  const chain = await templates.chain(template);
  const planned = planDocument({ install: INSTALL, chain, own, facts, product: target.product, fqdn: 'pve1.home.arpa' });
  const rendered = renderAnswer({
    rules: answerRules,
    plan: { ...PLAN, ...plan, fqdn: planned.fqdn, document: planned.document },
    target,
    secrets: SECRETS,
  });
  return { planned: planned.faults, ...rendered };
}

/** How each is meant to be used. */
const LEVELS: Readonly<Record<string, readonly [Filesystem, RaidLevel]>> = {
  base: ['zfs', 'raid1'],
  zfs: ['zfs', 'single'],
  'zfs-mirror': ['zfs', 'raid1'],
  'zfs-single': ['zfs', 'single'],
  'zfs-raid10': ['zfs', 'raid10'],
  'zfs-raidz1': ['zfs', 'raidz-1'],
  'ext4-lvm': ['ext4', 'single'],
  pbs: ['zfs', 'raid1'],
};

const SHIPPED_NAMES = readdirSync(SHIPPED).flatMap((file) => (file.endsWith('.toml') ? [file.slice(0, -'.toml'.length)] : []));

const EVERY = SHIPPED_NAMES.flatMap((template) =>
  Object.entries(INSTALLERS).flatMap(([product, releases]) =>
    Object.keys(releases).map((release) => [template, product as Product, release] as const),
  ),
).filter(([template, product]) => template !== 'pbs' || product === 'pbs');

test('each template that comes along has its use and its words', async () => {
  expect(SHIPPED_NAMES.toSorted()).toEqual(Object.keys(LEVELS).toSorted());
  for (const { name, description, faults, isOwn } of await templates.list()) {
    expect([name, faults, isOwn]).toEqual([name, [], false]);
    expect(description.length, name).toBeGreaterThan(10);
    expect(readFileSync(`${SHIPPED}/${name}.toml`, 'utf8')).toMatch(/^# [A-Z]/i);
  }
});

test.each(EVERY)('%s makes an answer that %s %s takes, with and without an address', async (template, product, release) => {
  const [filesystem, raid] = LEVELS[template] ?? ['zfs', 'raid1'];
  for (const address of [PLAN.address, null]) {
    const { planned, faults, text } = await answer({ template, target: { product, release }, plan: { filesystem, raid, address } });
    expect(planned).toEqual([]);
    expect(faults.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(answerRules.check(text ?? '', { product, release }).faults.filter(({ severity }) => severity === 'error')).toEqual([]);
  }
});

test('an answer has everything that the appliance decides', async () => {
  const { text } = await answer({});
  expect(text).toMatchInlineSnapshot(`
    "[global]
    keyboard = "de"
    country = "at"
    timezone = "Europe/Vienna"
    mailto = "root@home.arpa"
    fqdn = "pve1.home.arpa"
    root-ssh-keys = [ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHN0aWxsLWEtbWFkZS11cC1rZXktZm9yLXRoaXM= appliance" ]
    reboot-on-error = true
    root-password-hashed = "$6$saltsaltsaltsalt$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

    [network]
    source = "from-answer"
    cidr = "10.0.0.11/24"
    dns = "10.0.0.53"
    gateway = "10.0.0.1"

    [network.filter]
    ID_NET_NAME_MAC = "*525400aabb01"

    [network.interface-name-pinning]
    enabled = true

    [disk-setup]
    filesystem = "zfs"
    filter-match = "any"

    [disk-setup.zfs]
    ashift = 12
    compress = "on"
    raid = "raid1"

    [disk-setup.filter]
    ID_PART_TABLE_UUID = "deadbeef*"

    [post-installation-webhook]
    url = "https://10.0.0.2:8443/install/done/hook-secret"
    cert-fingerprint = "AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB"

    [first-boot]
    source = "from-url"
    ordering = "fully-up"
    url = "https://10.0.0.2:8443/install/first-boot/first-secret"
    cert-fingerprint = "AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB"
    "
  `);
});

test('the same in gives the same bytes', async () => {
  expect((await answer({})).text).toBe((await answer({})).text);
});

test('old releases get their own spelling, and nothing that they do not know', async () => {
  const of = async (release: string) => (await answer({ target: { product: 'pve', release } })).text ?? '';
  const [first, second, last] = await Promise.all([of('8.2'), of('8.3'), of('9.2')]);
  expect(first).toContain(`root_password = "${SECRETS.rootPassword}"`);
  expect(first).not.toMatch(/hook|first-boot|pinning|hashed/);
  expect(second).toContain('root_password_hashed = ');
  expect(second).not.toContain(SECRETS.rootPassword);
  expect(second).not.toMatch(/pinning|auth/);
  expect(last).toContain('auth-token = "hook-secret"');
  expect(last).not.toContain(SECRETS.rootPassword);
});

test('variables are numbers where they were numbers', async () => {
  const { text } = await answer({
    template: 'ext4-lvm',
    variables: { guests_gb: 0, swap_gb: 4, root_gb: 32.5 },
    plan: { filesystem: 'ext4', raid: 'single' },
  });
  expect(text).toContain('maxvz = 0\n');
  expect(text).toContain('swapsize = 4\n');
  expect(text).toContain('maxroot = 32.5\n');
  expect(text).not.toContain('minfree');
});

test('a template is held to the file system and the level that it names', async () => {
  const faults = async (plan: Asked['plan']) => (await answer({ plan: plan ?? {} })).faults.filter(({ severity }) => severity === 'error');
  expect(await faults({ filesystem: 'ext4', raid: 'single' })).toContainEqual(
    expect.objectContaining({
      key: 'disk-setup.filesystem',
      message: 'the template is made for "zfs", and the disks of the [[profile]] make it "ext4"',
      fix: 'Write system_disks = { filesystem = "zfs" } in the [[profile]], or take another answer_template.',
    }),
  );
  expect(await faults({ raid: 'single' })).toEqual([
    expect.objectContaining({
      key: 'disk-setup.zfs.raid',
      fix: 'Write system_disks = { raid = "raid1" } in the [[profile]], or take another answer_template.',
    }),
  ]);
});

test('an answer that the installer would refuse is not rendered', async () => {
  const { text, faults } = await answer({ own: { global: { keyboard: 'xx' } } });
  expect(text).toBeNull();
  expect(faults).toEqual([expect.objectContaining({ key: 'global.keyboard', severity: 'error' })]);
});

test('whatever a variable or the node says, it adds no key and no table', async () => {
  const chain = await templates.chain('zfs-mirror');
  const shape = (text: string | null): unknown =>
    text === null ? null : keysOf(answerRules.check(text, { product: 'pve', release: '9.1' }).document);
  const render = (mailto: string) => {
    const facts = { variables: { mailto }, install: { ...INSTALL, root_keys: [] } };
    const { document, fqdn } = planDocument({
      install: INSTALL,
      chain,
      own: { global: { 'root-ssh-keys': ['x{{variables.mailto}}'] } },
      facts,
      product: 'pve',
      fqdn: 'pve1.home.arpa',
    });
    // Without the rules in the way: they would refuse most of these values.
    const rules = { ...answerRules, checkDocument: () => [] };
    return renderAnswer({ rules, plan: { ...PLAN, fqdn, document }, target: { product: 'pve', release: '9.1' }, secrets: SECRETS }).text;
  };
  const plain = shape(render('root@home.arpa'));
  expect(plain).not.toBeNull();
  const sign = fc.constantFrom('"', "'", '\\', '\n', '\r', '\t', ']', '[', '#', '=', '{', '}', '.', 'a', '\0', '\u007f', '\u2028', 'é');
  const nasty = fc.array(sign, { maxLength: 30 }).map((signs) => signs.join(''));
  fc.assert(
    fc.property(fc.oneof(nasty, fc.string({ unit: 'grapheme' })), (mailto) => {
      const text = render(mailto);
      expect(shape(text)).toEqual(plain);
      const { document } = answerRules.check(text ?? '', { product: 'pve', release: '9.1' });
      expect(document).toMatchObject({ global: { mailto } });
    }),
    { numRuns: 150 },
  );
});

function keysOf(value: unknown, path = ''): readonly string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([key, inner]) => keysOf(inner, `${path}.${key}`));
}
