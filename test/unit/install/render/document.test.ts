import { expect, test } from 'vitest';
import { planDocument } from '../../../../src/install/render/document-render.ts';
import { readTemplate } from '../../../../src/install/render/template-text.ts';
import { DEFAULTS, FACTS } from './parts.ts';

const template = (text: string, name = 'mine') => {
  const { template: read, faults } = readTemplate(name, `${name}.toml`, text);
  expect(faults).toEqual([]);
  return read;
};
const planned = (texts: readonly string[], own: Parameters<typeof planDocument>[0]['own'] = null) =>
  planDocument({
    install: DEFAULTS,
    chain: texts.map((text, index) => template(text, `t${index}`)),
    own,
    facts: FACTS,
    product: 'pve',
    fqdn: 'pve1.home.arpa',
  });

test('without a word of a template it is what [install] says', () => {
  expect(planned([])).toMatchObject({
    document: {
      global: {
        keyboard: 'de',
        country: 'at',
        timezone: 'Europe/Vienna',
        mailto: 'root@home.arpa',
        fqdn: 'pve1.home.arpa',
        'root-ssh-keys': ['ssh-ed25519 AAAA {{me}}'],
        'reboot-on-error': true,
      },
    },
    fqdn: 'pve1.home.arpa',
    faults: [],
  });
});

test('a template is laid over its base, and the words of the node over both', () => {
  const { document, faults } = planned(
    ['[disk-setup.zfs]\nashift = 12\ncompress = "on"', '[disk-setup.zfs]\ncompress = "zstd"\n[global]\ncountry = "de"'],
    { 'disk-setup': { zfs: { ashift: 13 } } },
  );
  expect(faults).toEqual([]);
  expect(document).toMatchObject({ global: { country: 'de', keyboard: 'de' }, 'disk-setup': { zfs: { ashift: 13, compress: 'zstd' } } });
});

test('lists are replaced, not merged; a list that an expression gives becomes part of the one it stands in', () => {
  const { document } = planned(['[global]\nroot-ssh-keys = ["ssh-rsa BBBB", "{{variables.keys}}", "{{optional variables.none}}"]']);
  expect(document).toMatchObject({ global: { 'root-ssh-keys': ['ssh-rsa BBBB', 'ssh-ed25519 CCCC', 'ssh-ed25519 DDDD'] } });
});

test('keys with "_" and with "-" are the same, but those of udev and of network cards stay as they are', () => {
  const { document } = planned([
    '[global]\nroot_ssh_keys = []\n[network.interface_name_pinning]\nenabled = true\n[network.interface_name_pinning.mapping]\n"a_b" = "nic_0"',
  ]);
  expect(document).toMatchObject({
    global: { 'root-ssh-keys': [] },
    network: { 'interface-name-pinning': { enabled: true, mapping: { a_b: 'nic_0' } } },
  });
});

test('a template takes away what its base has, and says so when it is not there', () => {
  const base = '[disk-setup.lvm]\nmaxvz = 0\nmaxroot = 20';
  expect(planned([base, 'remove = ["disk-setup.lvm.maxvz"]']).document).toMatchObject({ 'disk-setup': { lvm: { maxroot: 20 } } });
  expect(planned([base, 'remove = ["disk-setup.lvm"]']).document).not.toHaveProperty('disk-setup');
  expect(planned([base, 'remove = ["lvm.maxvz"]']).faults).toEqual([
    expect.objectContaining({ key: 'remove', source: 't1.toml', line: 1, message: '"lvm.maxvz" is not there to be removed' }),
  ]);
});

test('a missing fact is told with file, line and key', () => {
  expect(planned(['[global]\n\nmailto = "root@{{variables.domian}}"']).faults).toEqual([
    {
      key: 'global.mailto',
      source: 't0.toml',
      line: 3,
      message: 'there is no variable "domian"',
      fix: 'Did you mean variables.domain? Write it into variables of the [[profile]]. There is: domain, keys, evil, swap.',
      severity: 'error',
    },
  ]);
  expect(planned([], { global: { mailto: '{{node.nmae}}' } }).faults).toEqual([
    expect.objectContaining({ key: 'global.mailto', source: 'instance_info.answer', line: null }),
  ]);
});

test.each([
  ['[disk-setup]\ndisk-list = ["sda"]', 'disk-setup.disk-list', 2],
  ['[disk-setup.filter]\nID_SERIAL = "x"', 'disk-setup.filter', 1],
  ['[disk-setup]\nfilter_match = "all"', 'disk-setup.filter-match', 2],
  ['[network]\nsource = "from-dhcp"', 'network.source', 2],
  ['[network]\ncidr = "10.0.0.1/24"', 'network.cidr', 2],
  ['[post-installation-webhook]\nurl = "https://x"', 'post-installation-webhook', 1],
  ['[first-boot]\nsource = "from-iso"', 'first-boot', 1],
  ['[global]\nroot-password = "secret123"', 'global.root-password', 2],
  ['[global]\nroot_password_hashed = "$6$x"', 'global.root-password-hashed', 2],
  ['[global]\nreboot-mode = "power-off"', 'global.reboot-mode', 2],
])('%j is the appliance’s own to say', (text, key, line) => {
  const { faults, document } = planned([text]);
  expect(faults).toEqual([expect.objectContaining({ key, line, source: 't0.toml', severity: 'error' })]);
  expect(JSON.stringify(document)).not.toContain('secret123');
  expect(planned([], { 'first-boot': { source: 'from-iso' } }).faults).toHaveLength(1);
});

test('what a variable holds stays inside its value', () => {
  const { document, faults } = planned(['[global]\nmailto = "{{variables.evil}}"\ntimezone = "x{{variables.evil}}"']);
  expect(faults).toEqual([]);
  expect(Object.keys(document)).toEqual(['global']);
  expect(document).toMatchObject({ global: { mailto: FACTS.variables.evil, timezone: `x${FACTS.variables.evil}` } });
});

test('keys are never rendered', () => {
  expect(planned(['[global]\n"{{node.name}}" = 1']).document).toMatchObject({ global: { '{{node.name}}': 1 } });
});

test('a key of JavaScript is a key like any other', () => {
  const { document } = planned(['[network.interface-name-pinning.mapping]\n"__proto__" = "x"\nconstructor = "y"']);
  const { network } = document as { network: { 'interface-name-pinning': { mapping: object } } }; // as it was just written
  const { mapping } = network['interface-name-pinning'];
  expect(Object.entries(mapping)).toEqual([
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]);
  expect(Object.getPrototypeOf(mapping)).toBe(Object.prototype);
});

test('the name may be given by an expression, and must be a text', () => {
  expect(planned(['[global]\nfqdn = "{{node.name}}.{{variables.domain}}"']).fqdn).toBe('pve1.lab.example');
  expect(planned(['[global.fqdn]\nsource = "from-dhcp"']).faults).toEqual([
    expect.objectContaining({
      key: 'global.fqdn',
      line: 1,
      message: 'is no text: the appliance waits for a machine of a name that it knows',
    }),
  ]);
});

test('a date is no value, and neither is a whole table of facts', () => {
  const { faults } = planned(['[global]\nmailto = 2024-01-01\nkeyboard = "{{node}}"']);
  expect(faults.map(({ key, line }) => [key, line])).toEqual([
    ['global.keyboard', 3],
    ['global.mailto', 2],
  ]);
});

test('half a character is no text that a file can hold', () => {
  expect(planned([], { global: { mailto: '\ud800' } }).faults).toEqual([
    expect.objectContaining({ key: 'global.mailto', message: 'holds half of a character, which no file can' }),
  ]);
});

test('a template for another product is refused', () => {
  expect(planned(['products = ["pbs"]']).faults).toEqual([
    expect.objectContaining({ key: 'products', message: 'is for pbs, and the installer is that of pve' }),
  ]);
});

test('a template that is no TOML, or says nonsense of itself, is told with its line', () => {
  const faultsOf = (text: string) => readTemplate('x', 'x.toml', text).faults.map(({ line, message }) => [line, message]);
  expect(faultsOf('[global]\nmailto =')).toEqual([[2, 'is not TOML: the value is missing']]);
  expect(faultsOf('\nextends = 1')).toEqual([[2, 'is no text']]);
  expect(faultsOf('remove = "x"')).toEqual([[1, 'is no list of texts']]);
  expect(faultsOf('remove = ["x", 1]')).toEqual([[1, 'is no list of texts']]);
  expect(faultsOf('products = ["pvx"]')).toEqual([[1, '"pvx" is no product']]);
});
