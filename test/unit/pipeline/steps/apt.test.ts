import { describe, expect, it } from 'vitest';
import { step as repositories } from '../../../../src/pipeline/steps/apt-repositories.ts';
import { step as upgrade } from '../../../../src/pipeline/steps/apt-upgrade.ts';
import { step as packages } from '../../../../src/pipeline/steps/packages.ts';
import { containing } from '../../../support/containing.ts';
import { type FakeMachine, provesIdempotence, type Rule, type StepWorld, stepWorld } from '../../../support/pipeline.ts';

const LISTS = '/etc/apt/sources.list.d';
/** As the installers of 9 and 8 leave them. */
const NINE = {
  '/etc/os-release': 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nVERSION_CODENAME=trixie\n',
  [`${LISTS}/debian.sources`]:
    'Types: deb\nURIs: http://deb.debian.org/debian/\nSuites: trixie trixie-updates\nComponents: main contrib\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n',
  [`${LISTS}/pve-enterprise.sources`]:
    'Types: deb\nURIs: https://enterprise.proxmox.com/debian/pve\nSuites: trixie\nComponents: pve-enterprise\nSigned-By: /usr/share/keyrings/proxmox-archive-keyring.gpg\n',
  [`${LISTS}/ceph.sources`]:
    'Types: deb\nURIs: https://enterprise.proxmox.com/debian/ceph-squid\nSuites: trixie\nComponents: enterprise\nSigned-By: /usr/share/keyrings/proxmox-archive-keyring.gpg\n',
};
const EIGHT = {
  '/etc/os-release': 'VERSION_CODENAME=bookworm\n',
  '/etc/apt/sources.list':
    'deb http://ftp.debian.org/debian bookworm main contrib\n\n# security updates\ndeb http://security.debian.org bookworm-security main contrib\n',
  [`${LISTS}/pve-enterprise.list`]: 'deb https://enterprise.proxmox.com/debian/pve bookworm pve-enterprise\n',
};

/** What the rules of apt share: lists that are fetched, and packages. */
function aptRules(): Rule[] {
  const runs = (title: string) => (command: readonly string[]) => command[0] === 'sh' && command[2]?.startsWith(`# ${title}`) === true;
  return [
    {
      when: ['find', '/var/lib/rackseed/apt-lists-fetched'],
      answer: (_, { state }) => (state.isFetched === true ? `${STAMP}\n` : { code: 1 }),
    },
    {
      when: ['rm', '-f', '--', '/var/lib/rackseed/apt-lists-fetched'],
      answer: (_, { state }) => {
        state.isFetched = false;
        return '';
      },
    },
    {
      when: ['rm', '-f', '--'],
      answer: ([, , , path], { files }) => {
        files.delete(String(path));
        return '';
      },
    },
    {
      when: runs('notes that'),
      answer: (_, { state }) => {
        state.isFetched = true;
        return '';
      },
    },
    { when: runs('runs apt-get'), answer: (command, machine) => aptGet(command.slice(5), machine) },
    { when: ['apt-get', '-s', '-q'], answer: (command, machine) => simulated(command.slice(3), machine) },
    {
      when: ['dpkg', '--audit'],
      answer: (_, { state }) => (state.isHalf === true ? 'The following packages are only half configured:\n' : ''),
    },
    {
      when: runs('the files of'),
      answer: (_, { files }) =>
        [...files]
          .filter(([path]) => /sources/.test(path) && /\.(?:list|sources)$/.test(path))
          .map(([path, text]) => `\u0001${path}\u0002${text}`)
          .join(''),
    },
    {
      when: ['dpkg-query'],
      answer: (command, { state }) => ({
        code: 1,
        out: command
          .slice(4)
          .flatMap((name) => (String(state.installed).split(' ').includes(name) ? [`${name}\tinstalled\n`] : []))
          .join(''),
      }),
    },
  ];
}
const STAMP = '/var/lib/rackseed/apt-lists-fetched';

function aptGet(words: readonly string[], { state }: FakeMachine) {
  if (state.refuses === true) return { code: 100, out: 'Err:1 https://enterprise.proxmox.com 401 Unauthorized\nE: Failed to fetch\n' };
  if (words.includes('dist-upgrade')) Object.assign(state, { old: '', isHalf: false });
  if (words.includes('install'))
    state.installed = `${String(state.installed)} ${words.slice(words.indexOf('install') + 1).join(' ')}`.trim();
  return 'Reading package lists...\n';
}

function simulated(words: readonly string[], { state }: FakeMachine): string {
  const remove = typeof state.remove === 'string' ? `Remv ${state.remove} [9.1]\n` : '';
  const old = (typeof state.old === 'string' ? state.old : '').split(' ').filter((name) => name !== '');
  const names = words.includes('dist-upgrade') ? old : words.slice(words.indexOf('install') + 1);
  return `${remove}${names.map((name) => `Inst ${name} [1.0-1] (1.1-1 Debian:13.1/stable [amd64])\n`).join('')}`;
}

const world = (files: Record<string, string>, state: Record<string, unknown> = {}): StepWorld =>
  stepWorld({ machine: { files, state: { isFetched: false, ...state }, rules: aptRules() } });

describe("Proxmox's repositories", () => {
  it('are the free ones on 9, Ceph too, and those that need a subscription are off', async () => {
    const one = world(NINE);
    const { first } = await provesIdempotence(repositories, {}, () => world(NINE));
    expect(first).toEqual({
      is: 'needed',
      plan: [
        `apt repository download.proxmox.com/debian/pve trixie pve-no-subscription comes into ${LISTS}/rackseed-proxmox.sources`,
        `apt repository download.proxmox.com/debian/ceph-squid trixie no-subscription comes into ${LISTS}/rackseed-proxmox.sources`,
        `apt repository enterprise.proxmox.com/debian/pve trixie pve-enterprise is switched off in ${LISTS}/pve-enterprise.sources`,
        `apt repository enterprise.proxmox.com/debian/ceph-squid trixie enterprise is switched off in ${LISTS}/ceph.sources`,
        'the lists of packages are fetched',
      ],
    });
    await repositories.apply(one.context(repositories, {}));
    expect(one.machine.files.get(`${LISTS}/pve-enterprise.sources`)).toMatch(/^Enabled: no\nTypes: deb\n/);
    expect(one.machine.files.get(`${LISTS}/debian.sources`)).toBe(NINE[`${LISTS}/debian.sources`]);
  });

  it('are the free ones on 8, in lines', async () => {
    const one = world(EIGHT);
    await provesIdempotence(repositories, { ceph: 'no-subscription', ceph_release: 'squid' }, () => world(EIGHT));
    await repositories.apply(one.context(repositories, {}));
    expect(one.machine.files.get(`${LISTS}/rackseed-proxmox.list`)).toContain(
      '\ndeb http://download.proxmox.com/debian/pve bookworm pve-no-subscription\n',
    );
    expect(one.machine.files.get(`${LISTS}/pve-enterprise.list`)).toMatch(/^# deb https/);
    expect(one.machine.files.get('/etc/apt/sources.list')).toBe(EIGHT['/etc/apt/sources.list']);
  });

  it('are nothing to do where the machine has what is asked for in a file of its own', async () => {
    const one = world(NINE, { isFetched: true });
    expect(await repositories.check(one.context(repositories, { pve: 'enterprise' }))).toMatchObject({ is: 'satisfied' });
  });

  it('go back and forth, and then a file of the machine says it again, ours nothing', async () => {
    const one = world(NINE);
    await repositories.apply(one.context(repositories, {}));
    await repositories.apply(one.context(repositories, { pve: 'enterprise', ceph: 'none' }));
    const ours = one.machine.files.get(`${LISTS}/rackseed-proxmox.sources`);
    expect(ours).toContain('Components: pve-enterprise');
    expect(ours).not.toContain('ceph');
  });

  it('come by way of a proxy, and go without it again', async () => {
    const args = { proxy: 'http://10.0.0.1:3142' };
    await provesIdempotence(repositories, args, () => world(NINE));
    const one = world(NINE);
    await repositories.apply(one.context(repositories, args));
    await repositories.apply(one.context(repositories, {}));
    expect([...one.machine.files.keys()].filter((path) => path.includes('apt.conf.d'))).toEqual([]);
    expect(() => one.context(repositories, { proxy: 'http://a"; evil' })).toThrow('arguments of');
  });

  it('are not known for another release, and that lists can not be fetched is an error', async () => {
    const old = world({ ...NINE, '/etc/os-release': 'VERSION_CODENAME=bullseye\n' });
    expect(await repositories.check(old.context(repositories, {}))).toMatchObject({ is: 'impossible' });
    const one = world(NINE, { refuses: true });
    await expect(repositories.apply(one.context(repositories, { pve: 'enterprise' }))).rejects.toMatchObject({
      message: containing('401 Unauthorized'),
      hint: containing('needs a subscription'),
    });
    expect(await repositories.check(one.context(repositories, { pve: 'enterprise' }))).toMatchObject({ is: 'needed' });
  });
});

describe('the upgrade', () => {
  it('brings what is old, and says what', async () => {
    const { first } = await provesIdempotence(upgrade, {}, () => world({}, { old: 'pve-manager libc6' }));
    expect(first).toEqual({
      is: 'needed',
      plan: ['the lists of packages are fetched: they are older than 24 h', '2 packages: pve-manager 1.0-1 → 1.1-1, libc6 1.0-1 → 1.1-1'],
    });
  });

  it('finishes what was left half-installed', async () => {
    await provesIdempotence(upgrade, {}, () => world({}, { isFetched: true, isHalf: true, old: '' }));
  });

  it('is not made where it takes Proxmox VE away', async () => {
    const one = world({}, { isFetched: true, old: 'libc6', remove: 'proxmox-ve' });
    await expect(upgrade.apply(one.context(upgrade, {}))).rejects.toThrow('apt would take away proxmox-ve');
    expect(one.machine.commands.some((command) => command.includes('dist-upgrade') && command[0] === 'sh')).toBe(false);
  });
});

describe('packages', () => {
  it('are installed where they are not, by their names alone', async () => {
    const make = () => world({}, { installed: 'curl' });
    const { first } = await provesIdempotence(packages, { install: ['curl', 'jq'] }, make);
    expect(first).toEqual({ is: 'needed', plan: ['installs jq'] });
    expect(() => make().context(packages, { install: ['-o=x'] })).toThrow('arguments of');
  });

  it('are not installed where that takes Proxmox VE away', async () => {
    const one = world({}, { isFetched: true, installed: '', remove: 'pve-manager' });
    await expect(packages.apply(one.context(packages, { install: ['ifupdown'] }))).rejects.toThrow('apt would take away pve-manager');
    expect(one.machine.state.installed).toBe('');
  });
});
