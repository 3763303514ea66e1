import { describe, expect, it } from 'vitest';
import { step as dns } from '../../../../src/pipeline/steps/dns.ts';
import { step as hostname } from '../../../../src/pipeline/steps/hostname.ts';
import { step as hostsFile } from '../../../../src/pipeline/steps/hosts-file.ts';
import { step as ntp } from '../../../../src/pipeline/steps/ntp.ts';
import { step as timezone } from '../../../../src/pipeline/steps/timezone.ts';
import { containing } from '../../../support/containing.ts';
import { type FakeMachine, provesIdempotence, type StepWorld, stepWorld } from '../../../support/pipeline.ts';

describe('the time zone', () => {
  const world = (files: Record<string, string> = { '/etc/timezone': 'Etc/UTC\n' }) =>
    stepWorld({
      machine: {
        files,
        state: { link: '/usr/share/zoneinfo/Etc/UTC' },
        rules: [
          { when: ['test', '-f', '/usr/share/zoneinfo/Europe/Berlin'], answer: '' },
          { when: ['test', '-f'], answer: { code: 1 } },
          { when: ['readlink'], answer: (_, { state }) => `${String(state.link)}\n` },
          {
            when: (command) => command[0] === 'sh' && command[2]?.includes('ln -sfn') === true,
            answer: (command, { state }) => {
              state.link = command[3];
              return '';
            },
          },
        ],
      },
    });

  it('is set in the link, and in the file of its name where there is one', async () => {
    const { first } = await provesIdempotence(timezone, { zone: 'Europe/Berlin' }, world);
    expect(first).toEqual({
      is: 'needed',
      plan: ['/etc/localtime shows Europe/Berlin instead of Etc/UTC', '/etc/timezone says Europe/Berlin instead of Etc/UTC'],
    });
    const newer = world({});
    await timezone.apply(newer.context(timezone, { zone: 'Europe/Berlin' }));
    expect(newer.machine.files.size).toBe(0);
  });

  it('can not be one that the machine does not have, nor lead elsewhere', async () => {
    const one = world();
    expect(await timezone.check(one.context(timezone, { zone: 'Europe/Atlantis' }))).toMatchObject({ is: 'impossible' });
    expect(() => one.context(timezone, { zone: '../../etc/passwd' })).toThrow('arguments of timezone');
  });
});

describe('name servers', () => {
  const world = (link = '') =>
    stepWorld({
      machine: {
        files: { '/etc/resolv.conf': 'domain old.example\nnameserver 192.0.2.1\noptions timeout:1\n' },
        rules: [{ when: ['readlink'], answer: link === '' ? { code: 1 } : `${link}\n` }],
      },
    });

  it('are those asked for, with the domain of the node, and options left', async () => {
    const one = world();
    await provesIdempotence(dns, { servers: ['10.0.0.1', 'fd00::1'] }, world);
    await dns.apply(one.context(dns, { servers: ['10.0.0.1', 'fd00::1'] }));
    expect(one.machine.files.get('/etc/resolv.conf')).toBe(
      'search home.arpa\nnameserver 10.0.0.1\nnameserver fd00::1\noptions timeout:1\n',
    );
  });

  it('are not written where another program does', async () => {
    const one = world('../run/systemd/resolve/stub-resolv.conf');
    expect(await dns.check(one.context(dns, { servers: ['10.0.0.1'] }))).toMatchObject({
      is: 'impossible',
      reason: containing('stub-resolv.conf'),
    });
    await expect(dns.apply(one.context(dns, { servers: ['10.0.0.1'] }))).rejects.toThrow('another program writes it');
  });
});

describe('the hosts file', () => {
  const text = `127.0.0.1 localhost.localdomain localhost
127.0.1.1 pve1.home.arpa pve1
10.0.0.99 pve2 printer # moved
::1 ip6-localhost ip6-loopback
fd00::11 pve1.home.arpa pve1
`;
  const world = () =>
    stepWorld({
      members: [{ name: 'pve2', nodeUuid: 'u', addresses: ['10.0.0.12'] }],
      machine: { files: { '/etc/hosts': text } },
    });

  it('has the node on its real address and the members, once each, and what others wrote', async () => {
    const one = world();
    const { first } = await provesIdempotence(hostsFile, {}, world);
    await hostsFile.apply(one.context(hostsFile, {}));
    expect(one.machine.files.get('/etc/hosts')).toBe(`127.0.0.1 localhost.localdomain localhost
10.0.0.99 printer # moved
::1 ip6-localhost ip6-loopback
fd00::11 pve1.home.arpa pve1
10.0.0.11 pve1.home.arpa pve1
10.0.0.12 pve2.home.arpa pve2
`);
    expect(first).toMatchObject({ is: 'needed', plan: { 0: '/etc/hosts: pve1.home.arpa pve1 is no longer 127.0.1.1' } });
  });

  it('is right as the installer of Proxmox VE writes it', async () => {
    const one = stepWorld({ machine: { files: { '/etc/hosts': '127.0.0.1 localhost\n10.0.0.11 pve1.home.arpa pve1 pvelocalhost\n' } } });
    expect(await hostsFile.check(one.context(hostsFile, {}))).toMatchObject({ is: 'satisfied' });
  });

  it('takes others as they are told', async () => {
    const one = world();
    await hostsFile.apply(one.context(hostsFile, { members: false, entries: [{ address: '10.0.0.5', names: ['nas'] }] }));
    expect(one.machine.files.get('/etc/hosts')).toContain('\n10.0.0.5 nas\n');
    expect(one.machine.files.get('/etc/hosts')).not.toContain('10.0.0.12');
  });
});

describe('time servers', () => {
  const main = '# Debian\nconfdir /etc/chrony/conf.d\npool 2.debian.pool.ntp.org iburst\nsourcedir /etc/chrony/sources.d\nmakestep 1 3\n';
  const world = (state: Record<string, unknown> = { asked: main }): StepWorld => {
    const told = ({ files }: FakeMachine): string => `${files.get('/etc/chrony/chrony.conf') ?? ''}${files.get(OURS) ?? ''}`;
    return stepWorld({
      machine: {
        files: { '/etc/chrony/chrony.conf': main },
        state,
        rules: [
          { when: ['find'], answer: (_, machine) => (machine.state.asked === told(machine) ? '' : '/etc/chrony/chrony.conf\n') },
          { when: ['chronyc', '-c', 'tracking'], answer: (_, machine) => trackingOf(machine) },
          { when: ['systemctl', 'enable', '--quiet', 'chrony'], answer: '' },
          {
            when: ['systemctl', 'restart', 'chrony'],
            answer: (_, machine) => {
              Object.assign(machine.state, { asked: told(machine), isStopped: false, isSynchronised: false });
              return '';
            },
          },
          {
            when: ['chronyc', 'waitsync'],
            answer: (_, machine) => {
              machine.state.isSynchronised = machine.state.isAlone !== true;
              return { code: machine.state.isAlone === true ? 1 : 0 };
            },
          },
        ],
      },
    });
  };
  const OURS = '/etc/chrony/sources.d/rackseed.sources';
  const trackingOf = ({ state }: FakeMachine) =>
    state.isStopped === true
      ? { code: 1, err: '506 Cannot talk to daemon' }
      : `0A000001,10.0.0.1,3,1700000000.1,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,64.0,${state.isSynchronised === true ? 'Normal' : 'Not synchronised'}\n`;
  const args = { servers: ['10.0.0.1', 'ntp.home.arpa'] };

  it('are those asked for and no others, and the clock is synchronised', async () => {
    const one = world();
    await ntp.apply(one.context(ntp, args));
    expect(one.machine.files.get(OURS)).toBe('# Written by Rackseed.\nserver 10.0.0.1 iburst\nserver ntp.home.arpa iburst\n');
    expect(one.machine.files.get('/etc/chrony/chrony.conf')).toContain('\n#rackseed# pool 2.debian.pool.ntp.org iburst\n');
    expect(await ntp.check(one.context(ntp, args))).toEqual({ is: 'satisfied', words: '10.0.0.1, ntp.home.arpa, synchronised' });
    await provesIdempotence(ntp, args, world);
  });

  it("come beside the system's own, which come back when ours go", async () => {
    const one = world();
    await ntp.apply(one.context(ntp, { ...args, only: false }));
    expect(one.machine.files.get('/etc/chrony/chrony.conf')).toBe(main);
    await ntp.apply(one.context(ntp, args));
    await ntp.apply(one.context(ntp, {}));
    expect(one.machine.files.get('/etc/chrony/chrony.conf')).toBe(main);
    expect(one.machine.files.get(OURS)).toBe('');
  });

  it('are drift when the clock is not synchronised, or chrony does not run', async () => {
    const lost = world({ asked: main, isSynchronised: false });
    expect(await ntp.check(lost.context(ntp, {}))).toEqual({ is: 'needed', plan: ['it waits up to 120 s for a synchronised clock'] });
    const stopped = world({ asked: main, isStopped: true });
    expect(await ntp.check(stopped.context(ntp, { wait_seconds: 0 }))).toEqual({ is: 'needed', plan: ['chrony is started'] });
  });

  it('that do not answer are an error that says where to look', async () => {
    const one = world({ asked: main, isAlone: true });
    await expect(ntp.apply(one.context(ntp, args))).rejects.toMatchObject({ hint: containing('UDP port 123') });
  });
});

describe('the host name', () => {
  const world = (held = '') =>
    stepWorld({
      machine: {
        files: { '/etc/hostname': 'debian\n', '/etc/hosts': '127.0.0.1 localhost\n127.0.1.1 debian\n' },
        state: { name: 'debian' },
        rules: [
          { when: ['hostname'], answer: (_, { state }) => `${String(state.name)}\n` },
          { when: (command) => command[2]?.startsWith('# what the present name holds') === true, answer: held },
          {
            when: (command) => command[2]?.startsWith('# sets the host name') === true,
            answer: (command, { state, files }) => {
              state.name = command[3];
              files.set('/etc/hostname', `${String(command[3])}\n`);
              return '';
            },
          },
        ],
      },
    });

  it('becomes that of the node, on its address', async () => {
    const one = world();
    const { first } = await provesIdempotence(hostname, {}, world);
    expect(first).toEqual({ is: 'needed', plan: ['host name debian becomes pve1'] });
    await hostname.apply(one.context(hostname, {}));
    expect(one.machine.files.get('/etc/hosts')).toContain('10.0.0.11 pve1.home.arpa pve1\n');
  });

  it.each([
    ['cluster\n', 'a member of a cluster keeps its name'],
    ['100\n101\n', 'its guests (100, 101) are kept under the old one'],
  ])('stays where %j holds it', async (held, words) => {
    const one = world(held);
    expect(await hostname.check(one.context(hostname, {}))).toMatchObject({ is: 'impossible', reason: containing(words) });
    await expect(hostname.apply(one.context(hostname, {}))).rejects.toThrow(words);
    expect(one.machine.state.name).toBe('debian');
  });
});
