// The stand-in's own rules of answers: what each release takes and refuses.

import { describe, expect, it } from 'vitest';
import { type Answer, readAnswer } from '../../../sim/installer/logic/answer.ts';
import { glob, readLocales } from '../../../sim/installer/logic/answer-values.ts';

const locales = readLocales(
  '# comment\nDE\tGermany\nAT\tAustria\n',
  '#\nDE\t+5230+01322\tEurope/Berlin\tmost\nAT\t+4813+01620\tEurope/Vienna\n',
);

interface Parts {
  readonly global?: readonly string[];
  readonly network?: readonly string[];
  readonly disks?: readonly string[];
  readonly more?: readonly string[];
}

const GLOBAL = {
  keyboard: '"de"',
  country: '"de"',
  fqdn: '"pve1.example.org"',
  mailto: '"root@example.org"',
  timezone: '"Europe/Berlin"',
  'root-password': '"password"',
};

/** Lines replace those of the good answer that have the same key; "-key" leaves one out. */
function answerOf(
  { global = [], network = ['source = "from-dhcp"'], disks, more = [] }: Parts = {},
  defaults: Record<string, string> = GLOBAL,
): string {
  const lines = new Map(Object.entries(defaults));
  for (const line of global) {
    const [key = '', value] = line.split(/ = (.*)/);
    if (value === undefined) lines.delete(key.slice(1));
    else lines.set(key, value);
  }
  const rest = ['[network]', ...network, '[disk-setup]', ...(disks ?? ['filesystem = "ext4"', 'disk-list = ["sda"]']), ...more];
  return ['[global]', ...[...lines].map(([key, value]) => `${key} = ${value}`), ...rest].join('\n');
}

const read = (text: string, release = '9.1', product = 'pve'): Answer => readAnswer(text, 'toml', { product, release, locales });

const OLD = { ...GLOBAL, root_password: '"password"' } as Record<string, string>;
delete OLD['root-password'];
const oldAnswer = (parts: Parts = {}): string => answerOf({ disks: ['filesystem = "ext4"', 'disk_list = ["sda"]'], ...parts }, OLD);

describe('a good answer', () => {
  it('is taken by every release in its own way of writing keys', () => {
    for (const release of ['8.2', '8.3']) expect(read(oldAnswer(), release).disks.selection).toEqual({ list: ['sda'] });
    for (const release of ['8.4', '9.0', '9.1', '9.2']) {
      expect(read(answerOf(), release).global.password).toEqual({ plain: 'password' });
      expect(read(oldAnswer(), release).global.password).toEqual({ plain: 'password' });
    }
  });

  it('is understood with all that it may have', () => {
    const answer = read(
      answerOf({
        global: [
          '-root-password',
          'root-password-hashed = "$6$x$y"',
          'root-ssh-keys = ["ssh-ed25519 AAAA a"]',
          'reboot-mode = "power-off"',
        ],
        network: [
          'source = "from-answer"',
          'cidr = "10.0.0.11/24"',
          'dns = "10.0.0.1"',
          'gateway = "10.0.0.1"',
          'filter.ID_NET_NAME_MAC = "*01"',
          '[network.interface-name-pinning]',
          'enabled = true',
          'mapping = { "AA:BB:CC:DD:EE:FF" = "mgmt" }',
        ],
        disks: ['filesystem = "zfs"', 'zfs.raid = "raid1"', 'filter.ID_SERIAL = "A*"', 'filter-match = "all"', 'zfs.hdsize = 20.5'],
        more: [
          '[post-installation-webhook]',
          'url = "https://10.0.0.1/done"',
          'cert-fingerprint = "ab:cd"',
          '[first-boot]',
          'source = "from-url"',
          'ordering = "network-online"',
          'url = "https://10.0.0.1/first"',
        ],
      }),
    );
    expect(answer).toMatchObject({
      global: { password: { hashed: '$6$x$y' }, rebootMode: 'power-off', fqdn: { host: 'pve1', domain: 'example.org' } },
      network: { fixed: { cidr: { address: '10.0.0.11', prefix: 24 } }, pinning: new Map([['aa:bb:cc:dd:ee:ff', 'mgmt']]) },
      disks: { raid: 'RAID1', filterMatch: 'all', hdsize: 20.5 },
      hook: { url: 'https://10.0.0.1/done', fingerprint: 'ab:cd', token: null },
      firstBoot: { url: 'https://10.0.0.1/first', ordering: 'network-online' },
    });
  });

  it('may be JSON', () => {
    const text = JSON.stringify({
      global: { keyboard: 'de', country: 'de', fqdn: 'a.b', mailto: 'a@b', timezone: 'UTC', 'root-password': 'password' },
      network: { source: 'from-dhcp' },
      'disk-setup': { filesystem: 'ext4', 'disk-list': ['sda'] },
    });
    expect(readAnswer(text, 'json', { product: 'pve', release: '9.2', locales }).global.timezone).toBe('UTC');
  });
});

interface Bad {
  readonly what: string;
  readonly text: string;
  readonly why: RegExp;
  readonly release?: string;
  readonly product?: string;
}

const zfs = (...lines: string[]): string => answerOf({ disks: ['filesystem = "zfs"', 'disk-list = ["sda", "sdb"]', ...lines] });
const fixedNetwork = (change: Readonly<Record<string, string | null>>): string => {
  const lines = { cidr: '"10.0.0.11/24"', dns: '"10.0.0.1"', gateway: '"10.0.0.1"', 'filter.ID_PATH': '"*"', ...change };
  return answerOf({
    network: ['source = "from-answer"', ...Object.entries(lines).flatMap(([key, value]) => (value === null ? [] : [`${key} = ${value}`]))],
  });
};
const pinning = (...lines: string[]): string =>
  answerOf({ network: ['source = "from-dhcp"', '[network.interface-name-pinning]', ...lines] });
const global = (...lines: string[]): string => answerOf({ global: lines });
const hook = (...lines: string[]): string => answerOf({ more: ['[post-installation-webhook]', ...lines] });
const firstBoot = (...lines: string[]): string => answerOf({ more: ['[first-boot]', ...lines] });

const BAD: readonly Bad[] = [
  { what: 'no TOML', text: '[global', why: /no TOML/ },
  { what: 'an unknown section', text: answerOf({ more: ['[extra]', 'a = 1'] }), why: /unknown field extra/ },
  { what: 'an unknown key', text: global('keybord = "de"'), why: /unknown field global.keybord/ },
  { what: 'no network', text: answerOf().replace('[network]\nsource = "from-dhcp"', ''), why: /missing field network/ },
  { what: 'both forms of a key', text: global('root_password = "password"'), why: /duplicate field/ },
  { what: 'hyphens in an old release', text: answerOf(), why: /unknown field|must be set/, release: '8.3' },
  { what: 'an unknown keyboard', text: global('keyboard = "us"'), why: /keyboard/ },
  { what: 'a country in upper case', text: global('country = "DE"'), why: /country/ },
  { what: 'a zone of Etc', text: global('timezone = "Etc/UTC"'), why: /timezone/ },
  { what: 'a short password', text: global('root-password = "seven77"'), why: /7 bytes/ },
  { what: 'no password', text: global('-root-password'), why: /must be set/ },
  { what: 'both passwords', text: global('root-password-hashed = "$6$"'), why: /exclude/ },
  {
    what: 'a hashed password in 8.2',
    text: oldAnswer({ global: ['-root_password', 'root_password_hashed = "$6$"'] }),
    why: /must be set/,
    release: '8.2',
  },
  { what: 'a name without a domain', text: global('fqdn = "pve1"'), why: /no domain/ },
  { what: 'a host name of digits', text: global('fqdn = "123.example.org"'), why: /number/ },
  { what: 'a label that ends in a hyphen', text: global('fqdn = "a-.example.org"'), why: /label/ },
  { what: 'a name from DHCP before 8.4', text: oldAnswer({ global: ['fqdn = { source = "from-dhcp" }'] }), why: /no name/, release: '8.3' },
  {
    what: 'an unknown key of that',
    text: global('fqdn = { source = "from-dhcp", fallback = "x" }'),
    why: /unknown field global.fqdn.fallback/,
  },
  { what: 'the example address', text: global('mailto = "mail@example.invalid"'), why: /example/ },
  { what: 'no mail address', text: global('mailto = "root"'), why: /mail/ },
  { what: 'a word that is no reboot mode', text: global('reboot-mode = "poweroff"'), why: /unknown variant/ },
  { what: 'a reboot mode before 8.4', text: oldAnswer({ global: ['reboot_mode = "reboot"'] }), why: /unknown field/, release: '8.3' },
  { what: 'keys that are one string', text: global('root-ssh-keys = "ssh-ed25519 A"'), why: /list of strings/ },
  { what: 'a subscription before 9.2', text: global('subscription-key = "pve1c-0123456789"'), why: /unknown field/ },
  { what: 'what is no subscription', text: global('subscription-key = "pve1x-0123456789"'), why: /subscription/, release: '9.2' },
  {
    what: 'an address with DHCP',
    text: answerOf({ network: ['source = "from-dhcp"', 'cidr = "10.0.0.1/24"'] }),
    why: /unknown field network.cidr/,
  },
  { what: 'no gateway', text: fixedNetwork({ gateway: null }), why: /missing field network.gateway/ },
  { what: 'no filter', text: fixedNetwork({ 'filter.ID_PATH': null }), why: /missing field network.filter/ },
  { what: 'an empty filter', text: fixedNetwork({ 'filter.ID_PATH': null, filter: '{}' }), why: /no filter/ },
  { what: 'an address without a mask', text: fixedNetwork({ cidr: '"10.0.0.11"' }), why: /cidr/ },
  { what: 'a mask of 33', text: fixedNetwork({ cidr: '"10.0.0.11/33"' }), why: /mask/ },
  { what: 'pinning before 9.1', text: pinning('enabled = true'), why: /unknown field/, release: '9.0' },
  { what: 'pinning that is not said to be on', text: pinning('mapping = {}'), why: /enabled/ },
  {
    what: 'two ports of one name',
    text: pinning('enabled = true', 'mapping = { "aa:bb:cc:dd:ee:01" = "nic0", "aa:bb:cc:dd:ee:02" = "nic0" }'),
    why: /two ports/,
  },
  {
    what: 'a long name of a port',
    text: pinning('enabled = true', 'mapping = { "aa:bb:cc:dd:ee:01" = "abcdefghijklmnop" }'),
    why: /no name of a port/,
  },
  { what: 'no disks', text: answerOf({ disks: ['filesystem = "ext4"'] }), why: /either/ },
  {
    what: 'a list and a filter',
    text: answerOf({ disks: ['filesystem = "ext4"', 'disk-list = ["sda"]', 'filter.DEVNAME = "*"'] }),
    why: /can not use both/,
  },
  { what: 'two disks for ext4', text: answerOf({ disks: ['filesystem = "ext4"', 'disk-list = ["sda", "sdb"]'] }), why: /only one disk/ },
  { what: 'zfs without a level', text: zfs(), why: /raid/ },
  { what: 'an unknown level', text: zfs('zfs.raid = "mirror"'), why: /unknown variant/ },
  { what: 'options of another file system', text: zfs('zfs.raid = "raid1"', 'lvm.maxroot = 4'), why: /lvm options beside zfs/ },
  { what: 'an ashift of 8', text: zfs('zfs.raid = "raid1"', 'zfs.ashift = 8'), why: /ashift/ },
  { what: 'an ARC of 63', text: zfs('zfs.raid = "raid1"', 'zfs.arc-max = 63'), why: /arc-max/ },
  { what: 'an ARC that is a word', text: zfs('zfs.raid = "raid1"', 'zfs.arc-max = "64"'), why: /integer/ },
  { what: 'four copies', text: zfs('zfs.raid = "raid1"', 'zfs.copies = 4'), why: /copies/ },
  {
    what: 'too much swap',
    text: answerOf({ disks: ['filesystem = "xfs"', 'disk-list = ["sda"]', 'lvm.hdsize = 20', 'lvm.swapsize = 11'] }),
    why: /swapsize/,
  },
  {
    what: 'btrfs for the backup server',
    text: answerOf({ disks: ['filesystem = "btrfs"', 'disk-list = ["sda"]', 'btrfs.raid = "raid0"'] }),
    why: /btrfs/,
    product: 'pbs',
  },
  { what: 'a hook without a URL', text: hook('cert-fingerprint = "ab"'), why: /url/ },
  { what: 'a token of a hook before 9.2', text: hook('url = "https://a/b"', 'auth-token = "x"'), why: /unknown field/ },
  {
    what: 'a hook before 8.3',
    text: oldAnswer({ more: ['[post-installation-webhook]', 'url = "https://a/b"'] }),
    why: /unknown field/,
    release: '8.2',
  },
  { what: 'a first boot without a URL', text: firstBoot('source = "from-url"'), why: /url/ },
  { what: 'an unknown order', text: firstBoot('source = "from-iso"', 'ordering = "late"'), why: /unknown variant/ },
];

describe('an answer is refused that has', () => {
  it.each(BAD)('$what', ({ text, why, release, product }) => {
    expect(() => read(text, release, product)).toThrow(why);
  });
});

describe('a pattern', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['*', '', true],
    ['A*', 'ABC', true],
    ['A*', 'xABC', false],
    ['a*', 'ABC', false],
    ['?', 'a', true],
    ['?', '', false],
    ['*a/b*', 'xa/by', true],
    ['[ab]1', 'b1', true],
    ['[0-9]', '7', true],
    ['[!0-9]', '7', false],
    ['[]]', ']', true],
    ['[!]]', 'x', true],
    ['a.b', 'axb', false],
    ['(a)+', '(a)+', true],
    ['[a-]', '-', true],
    ['**', 'any', true],
  ];
  it.each(cases)('%s of %s', (pattern, value, expected) => {
    expect(glob(pattern)(value)).toBe(expected);
  });
  it.each(['a**', '***', '[a', '['])('%s is none', (pattern) => {
    expect(() => glob(pattern)).toThrow(pattern);
  });
});
