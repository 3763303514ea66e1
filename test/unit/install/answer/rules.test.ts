import fc from 'fast-check';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { INSTALLERS, isAtLeast, releaseOf, sinceWhen } from '../../../../src/install/answer/releases.ts';
import { answerRules, knowsKey } from '../../../../src/install/answer/rules.ts';
import { SCHEMA } from '../../../../src/install/answer/schema.ts';
import { COUNTRIES } from '../../../../src/install/answer/tables-countries.ts';
import { ZONES } from '../../../../src/install/answer/tables-zones.ts';
import { type AnswerDocument, type AnswerTarget, PRODUCTS } from '../../../../src/install/seam.ts';
import { STATIC, textOf } from '../../../fixtures/answers/case.ts';

const NEWEST: AnswerTarget = { product: 'pve', release: '9.2' };
const errorsOf = (text: string, target: AnswerTarget = NEWEST) =>
  answerRules.check(text, target).faults.filter(({ severity }) => severity === 'error');

const GOOD: AnswerDocument = {
  global: {
    keyboard: 'de',
    country: 'at',
    fqdn: 'node1.example.com',
    mailto: 'admin@example.com',
    timezone: 'Europe/Vienna',
    'root-password': 'a good password',
    'root-ssh-keys': [],
    'reboot-on-error': true,
    'reboot-mode': 'reboot',
  },
  network: {
    source: 'from-answer',
    cidr: '10.0.0.11/24',
    dns: '10.0.0.1',
    gateway: '10.0.0.1',
    filter: { ID_NET_NAME_MAC: '*525400123456' },
    'interface-name-pinning': { enabled: true, mapping: { '52:54:00:AB:34:56': 'lan0' } },
  },
  'disk-setup': {
    filesystem: 'zfs',
    zfs: { raid: 'RAID1', 'arc-max': 4096 },
    filter: { ID_PART_TABLE_UUID: '8f2a1c3e-*' },
    'filter-match': 'any',
  },
  'post-installation-webhook': { url: 'https://10.0.0.1/done', 'cert-fingerprint': 'ab'.repeat(32), 'auth-token': 'secret' },
  'first-boot': { source: 'from-url', url: 'https://10.0.0.1/first', 'cert-fingerprint': 'ab'.repeat(32), ordering: 'network-online' },
};

describe('the rules of answer files', () => {
  it('name the key, the line and the fix', () => {
    const text = `# mine\n${textOf({ set: { 'global.keybord': '"de"', 'global.keyboard': null } }, false)}`;
    expect(errorsOf(text)).toContainEqual({
      key: 'global.keybord',
      line: 10,
      message: '"keybord" is no key in [global]; the installer refuses a file with an unknown key',
      fix: 'Did you mean "keyboard"?',
      severity: 'error',
    });
  });

  it('name the section of a key that is missing', () => {
    const text = '[global]\nkeyboard = "de"\n';
    expect(errorsOf(text)).toContainEqual(expect.objectContaining({ key: 'global.country', line: 1, message: 'it is missing' }));
    expect(errorsOf(text)).toContainEqual(expect.objectContaining({ key: 'network', line: null }));
  });

  it('say where a key belongs that stands in another section', () => {
    const [fault] = errorsOf(textOf({ set: { 'disk-setup.timezone': '"UTC"' } }, false));
    expect(fault).toMatchObject({ key: 'disk-setup.timezone', fix: '"timezone" belongs in [global].' });
  });

  it('say of a key that came later only that, and nothing of what is below it', () => {
    const text = textOf({ set: { '=first-boot.source': '"nonsense"', '=first-boot.what': '1' } }, true);
    const { faults } = answerRules.check(text, { product: 'pve', release: '8.2' });
    expect(faults.filter(({ key }) => key.startsWith('first-boot'))).toEqual([
      expect.objectContaining({ key: 'first-boot', severity: 'error', fix: expect.stringContaining('Proxmox VE 8.3') as string }),
    ]);
  });

  it.each([
    ['an unclosed text', '[global]\nkeyboard = "de\n', 2],
    ['a key twice', '[global]\nkeyboard = "de"\nkeyboard = "at"\n', 3],
    ['a section twice', '[global]\n[network]\n[global]\n', 3],
    ['JSON', '{"global": {}}', 1],
    ['an inline table over several lines, which is newer TOML', '[global]\nfqdn = {\n source = "from-dhcp" }\n', 3],
    ['a thousand brackets', `x = ${'['.repeat(20_000)}`, 1],
  ])('say the line where %s ends the reading', (_, text, line) => {
    const { document, faults } = answerRules.check(text, NEWEST);
    expect(document).toBeNull();
    expect(faults).toEqual([expect.objectContaining({ key: '', line, severity: 'error' })]);
  });

  it.each(['10.0.0.0/31', '10.0.0.11/32', '10.0.0.1/30'])('take %s for a machine: in so small a network every address is one', (cidr) => {
    const { faults } = answerRules.check(textOf({ set: { ...STATIC, 'network.cidr': `"${cidr}"` } }, false), NEWEST);
    expect(faults.filter(({ key }) => key === 'network.cidr')).toEqual([]);
  });

  it('have nothing to say of a plain good file', () => {
    const set = { ...STATIC, 'disk-setup.disk-list': null, 'disk-setup.filter.ID_SERIAL': '"*S4EVNX0N*"' };
    expect(answerRules.check(textOf({ set }, false), NEWEST).faults).toEqual([]);
  });

  it('know which release reads a key', () => {
    const reads = (release: string, key: string) => knowsKey({ product: 'pve', release }, key);
    expect([reads('8.2', 'global.root-password-hashed'), reads('8.3', 'global.root-password-hashed')]).toEqual([false, true]);
    expect([reads('9.1', 'post-installation-webhook.auth-token'), reads('9.2', 'post-installation-webhook.auth-token')]).toEqual([
      false,
      true,
    ]);
    expect([reads('9.2', 'global.nonsense'), reads('7.4', 'global.fqdn')]).toEqual([false, false]);
  });

  it('refuse a text that is far too long', () => {
    expect(answerRules.check(`# ${'x'.repeat(1024 * 1024)}`, NEWEST).faults).toMatchObject([{ message: 'the file is too long' }]);
  });

  it('give the document in kebab-case, values as they were', () => {
    const { document } = answerRules.check('[global]\nroot_password = "x"\nodd_key = 1\n[disk-setup]\nfilter.ID_A_B = "x"\n', NEWEST);
    expect(document).toEqual({ global: { 'root-password': 'x', odd_key: 1 }, 'disk-setup': { filter: { ID_A_B: 'x' } } });
  });

  it('never throw, whatever is written', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.constantFrom(...PRODUCTS), fc.string(), (text, product, release) => {
        answerRules.check(text, { product, release });
      }),
    );
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...SCHEMA.map(({ key }) => key.split('.')[0] ?? ''), '__proto__'), fc.jsonValue()),
        (document) => {
          const answer = document as AnswerDocument; // JSON by its making
          answerRules.checkDocument(answer, NEWEST);
          answerRules.serialise(answer, { product: 'pve', release: '8.2' });
        },
      ),
    );
  });
});

describe('serialising an answer', () => {
  it('writes what the newest release reads, as it was', () => {
    const text = answerRules.serialise(GOOD, NEWEST);
    expect(answerRules.checkDocument(GOOD, NEWEST).filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(errorsOf(text)).toEqual([]);
    expect(parse(text)).toMatchObject({ global: { 'root-password': 'a good password' }, 'disk-setup': { zfs: { raid: 'raid1' } } });
  });

  it('writes the old names for 8.2 and 8.3, and leaves out what they do not know, with a fault for each', () => {
    const target: AnswerTarget = { product: 'pve', release: '8.3' };
    const text = answerRules.serialise(GOOD, target);
    expect(errorsOf(text, target)).toEqual([]);
    expect(parse(text)).toMatchObject({
      global: { root_password: 'a good password', root_ssh_keys: [], reboot_on_error: true },
      'disk-setup': { zfs: { raid: 'raid1', arc_max: 4096 }, filter_match: 'any', filter: { ID_PART_TABLE_UUID: '8f2a1c3e-*' } },
      'post-installation-webhook': { cert_fingerprint: 'ab'.repeat(32) },
      'first-boot': { 'cert-fingerprint': 'ab'.repeat(32) },
    });
    expect(text).not.toMatch(/reboot.mode|pinning|auth.token/);
    const faults = answerRules.checkDocument(GOOD, target).filter(({ severity }) => severity === 'error');
    expect(faults.map(({ key }) => key)).toEqual([
      'global.reboot-mode',
      'network.interface-name-pinning',
      'post-installation-webhook.auth-token',
    ]);
  });

  it('finds cards by small letters in every release', () => {
    expect(answerRules.serialise(GOOD, { product: 'pve', release: '9.1' })).toContain('52:54:00:ab:34:56');
  });

  it('keeps texts from becoming structure', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (word) => {
        const document = { ...GOOD, global: { 'root-password': word }, 'disk-setup': { filter: { [word]: word } } };
        const text = answerRules.serialise(document, NEWEST);
        const back = parse(text);
        // As strict as the installer: TOML 1.0.
        expect(answerRules.check(text, NEWEST).document).not.toBeNull();
        expect(back.global).toEqual({ 'root-password': word });
        expect((back['disk-setup'] as Record<string, unknown>).filter).toEqual({ [word]: word }); // a table, as written
      }),
      { examples: [['"]\n[global]\nx = "'], ['\u0000'], ["'''"], ['\\']] },
    );
  });

  it('writes no half of a character, which would spoil the whole file', () => {
    const text = answerRules.serialise({ global: { 'root-password': 'half \ud83d', 'root-ssh-keys': ['\udc00'] } }, NEWEST);
    expect(parse(text)).toEqual({ global: { 'root-password': 'half \ufffd', 'root-ssh-keys': ['\ufffd'] } });
  });

  /** For each key values that are good beside all the others. */
  const VALUES: Readonly<Record<string, readonly [string, string, readonly unknown[]]>> = {
    keyboard: ['global', 'keyboard', ['de', 'pt-br', 'en-us']],
    country: ['global', 'country', [...COUNTRIES]],
    timezone: ['global', 'timezone', [...ZONES].filter((zone) => zone !== 'America/Coyhaique')],
    ssh: ['global', 'root-ssh-keys', [[], ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBzeJUiB6X x']]],
    error: ['global', 'reboot-on-error', [true, false]],
    mode: ['global', 'reboot-mode', ['reboot', 'power-off']],
    subscription: ['global', 'subscription-key', ['pve2c-0123456789']],
    match: ['disk-setup', 'filter-match', ['any', 'all']],
    zfs: [
      'disk-setup',
      'zfs',
      [{ raid: 'raidz-1' }, { raid: 'RAID10', ashift: 13, copies: 2, hdsize: 64.5, checksum: 'sha256', compress: 'lz4' }],
    ],
  };

  it('makes what the same release takes, of every choice of good values', () => {
    const entries = Object.values(VALUES);
    const choice = fc.tuple(...entries.map(([, , values]) => fc.option(fc.constantFrom(...values))));
    const targets = PRODUCTS.flatMap((product) => Object.keys(INSTALLERS[product]).map((release): AnswerTarget => ({ product, release })));
    fc.assert(
      fc.property(choice, fc.constantFrom(...targets), (chosen, target) => {
        const document = JSON.parse(JSON.stringify(GOOD)) as Record<string, Record<string, unknown>>; // a copy of what stands above
        for (const [index, value] of chosen.entries()) {
          const [section = '', key = ''] = entries[index] ?? [];
          const isForeign = key === 'subscription-key' && target.product !== 'pve';
          const table = document[section];
          if (value !== null && table !== undefined && !isForeign) table[key] = value;
        }
        const answer = document as AnswerDocument; // JSON by its making
        expect(errorsOf(answerRules.serialise(answer, target), target)).toEqual([]);
        for (const fault of answerRules.checkDocument(answer, target).filter(({ severity }) => severity === 'error'))
          expect(fault.message).toContain('this release does not know it');
      }),
      { numRuns: 300 },
    );
  });
});

describe('releases', () => {
  it.each([
    ['pve', '8.2', '8.2.5'],
    ['pve', '9.1', '9.1.1'],
    ['pve', '9.1.7', '9.1.7'],
    ['pbs', '3.4', '8.4.6'],
    ['pmg', '8.2', '8.4.2'],
    ['pdm', '1.0', '9.1.6'],
  ])('%s %s has the installer %s', (product, release, installer) => {
    expect(releaseOf(product, release)).toMatchObject({ installer, isUnknown: false });
  });

  it('take a newer release as the newest known, with a warning', () => {
    const { faults } = answerRules.check(textOf({ set: {} }, false), { product: 'pve', release: '10.1' });
    expect(faults.filter(({ key }) => key === '')).toEqual([expect.objectContaining({ severity: 'warning', line: null })]);
    expect(faults.some(({ severity }) => severity === 'error')).toBe(false);
  });

  it.each([
    ['pve', '8.1', 'can not install unattended'],
    ['pmg', '8.1', 'can not install unattended'],
    ['pbs', '2.4', 'can not install unattended'],
    ['pve', '8.7', 'there is no Proxmox VE 8.7'],
    ['pve', 'new', 'is no release'],
    ['pve', '', 'is no release'],
    ['ceph', '9.1', 'is no product'],
  ])('%s %s: %s, %s', (product, release, message) => {
    const target = { product, release } as AnswerTarget; // also what is no product
    const { document, faults } = answerRules.check('', target);
    expect(document).toBeNull();
    expect(faults).toEqual([expect.objectContaining({ severity: 'error', message: expect.stringContaining(message) as string })]);
    expect(answerRules.checkDocument({}, target)).toEqual(faults);
    expect(answerRules.serialise(GOOD, target)).toBe('');
  });

  it('compare by numbers, not by letters', () => {
    expect(isAtLeast('9.10', '9.2')).toBe(true);
    expect(isAtLeast('9.2', '9.2.0')).toBe(true);
    expect(isAtLeast('9.1.7', '9.2.0')).toBe(false);
    expect(sinceWhen('pbs', '9.0.0')).toBe('Proxmox Backup Server 4.0');
    expect(sinceWhen('pmg', '9.2.0')).toBe('installer 9.2.0');
  });
});

describe('the tables', () => {
  it('hold every country and every zone once', () => {
    expect(COUNTRIES.size).toBe(249);
    expect(ZONES.size).toBe(419);
    expect([...COUNTRIES].filter((code) => !/^[a-z]{2}$/.test(code))).toEqual([]);
    expect([...ZONES].filter((zone) => !/^(?:UTC|[A-Z][A-Za-z]+\/[A-Za-z_/-]+)$/.test(zone))).toEqual([]);
  });
});
