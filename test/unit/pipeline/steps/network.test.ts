import { describe, expect, it } from 'vitest';
import { RackseedError } from '../../../../src/lib/index.ts';
import { step } from '../../../../src/pipeline/steps/network.ts';
import { readInterfaces } from '../../../../src/pipeline/system/interfaces-codec.ts';
import { containing } from '../../../support/containing.ts';
import { type FakeMachine, provesIdempotence, type StepWorld, stepWorld } from '../../../support/pipeline.ts';

const FILE = '/etc/network/interfaces';
const LOADED = '/var/lib/rackseed/network/loaded';
/** As the installer of Proxmox VE leaves it. */
const INSTALLED = `auto lo
iface lo inet loopback

iface enp1s0 inet manual

auto vmbr0
iface vmbr0 inet static
	address 10.0.0.11/24
	gateway 10.0.0.1
	bridge-ports enp1s0
	bridge-stp off
	bridge-fd 0

iface enp2s0 inet manual

source /etc/network/interfaces.d/*
`;
const PORTS = { enp1s0: '52:54:00:00:00:01', enp2s0: '52:54:00:00:00:02' };

interface Options {
  /** The machine does not answer with such a file loaded. */
  readonly isDeadWith?: (loaded: string) => boolean;
  readonly file?: string;
  readonly state?: Record<string, unknown>;
}

/** What the machine runs with is `loaded`: the file as it was when ifreload ran last. The timer is turned by the clock of the test. */
function world({ isDeadWith = () => false, file = INSTALLED, state = {} }: Options = {}): StepWorld {
  const armed = { at: Number.POSITIVE_INFINITY };
  const addressOf = (text: string): string => (/gateway/.test(text) ? (/address (\S+?)\/\d+\n\tgateway/.exec(text)?.[1] ?? '') : '');
  const late = ({ state: kept, files }: FakeMachine): void => {
    if (one.clock.monotonic() < armed.at) return;
    armed.at = Number.POSITIVE_INFINITY;
    takeBack(kept, files);
  };
  const takeBack = (kept: Record<string, unknown>, files: Map<string, string>): void => {
    if (kept.before === '') return;
    files.set(FILE, String(kept.before));
    Object.assign(kept, { loaded: kept.before, before: '' });
  };
  const gone = (): never => {
    throw new RackseedError('proxmox.shell_unreachable', { status: 502, about: 'away' }, { message: 'no answer' });
  };
  const runs = (title: string) => (command: readonly string[]) => command[0] === 'sh' && command[2]?.startsWith(`# ${title}`) === true;
  const one: StepWorld = stepWorld({
    machine: {
      files: { [FILE]: file },
      state: { loaded: file, before: '', ...state },
      rules: [
        {
          when: () => {
            late(one.machine);
            return isDeadWith(String(one.machine.state.loaded)) && gone();
          },
          answer: '',
        },
        { when: ['true'], answer: () => (addressOf(String(one.machine.state.loaded)) === one.machine.address ? '' : gone()) },
        { when: ['test', '-x', '/usr/sbin/ifreload'], answer: '' },
        { when: ['test', '-e', `${FILE}.new`], answer: (_, machine) => ({ code: machine.state.staged === true ? 0 : 1 }) },
        { when: ['test', '-e', '/etc/pve/corosync.conf'], answer: (_, machine) => ({ code: machine.state.clustered === true ? 0 : 1 }) },
        {
          when: ['test', '-e', '/var/lib/rackseed/network/before'],
          answer: (_, machine) => ({ code: machine.state.before === '' ? 1 : 0 }),
        },
        { when: ['ip', '-j', '-d', 'address', 'show'], answer: (_, machine) => linksOf(String(machine.state.loaded)) },
        {
          when: ['ip', '-j', '-4', 'route'],
          answer: (_, machine) => JSON.stringify([{ dst: 'default', gateway: /gateway (\S+)/.exec(String(machine.state.loaded))?.[1] }]),
        },
        { when: ['test', '-e', LOADED], answer: '' },
        { when: runs('makes room'), answer: '' },
        {
          when: runs('changes the network'),
          answer: (command, machine) => {
            machine.state.before = machine.files.get(FILE) ?? '';
            const wanted = machine.files.get('/var/lib/rackseed/network/new') ?? '';
            machine.files.set(FILE, wanted);
            machine.state.loaded = wanted;
            armed.at = one.clock.monotonic() + Number(command[3]) * 1000;
            return '';
          },
        },
        {
          when: runs('keeps the change'),
          answer: (_, machine) => {
            if (machine.state.before === '') return { code: 3 };
            machine.state.before = '';
            armed.at = Number.POSITIVE_INFINITY;
            return '';
          },
        },
        {
          when: ['sh', '/var/lib/rackseed/network/take-back', 'now'],
          answer: (_, { state: kept, files }) => {
            takeBack(kept, files);
            return '';
          },
        },
      ],
    },
    answersAt: (address, machine) => {
      late(machine);
      return !isDeadWith(String(machine.state.loaded)) && addressOf(String(machine.state.loaded)) === address;
    },
  });
  return one;
}

/** As `ip -j -d address show` tells it of a machine that has loaded such a file. */
function linksOf(text: string): string {
  const { stanzas } = readInterfaces(text);
  const masters = new Map(
    stanzas.flatMap(({ name, options }) =>
      options
        .filter(([key]) => key === 'bridge-ports' || key === 'bond-slaves')
        .flatMap(([, value]) => value.split(' ').map((port) => [port, name] as const)),
    ),
  );
  const names = [...new Set([...Object.keys(PORTS), ...stanzas.map(({ name }) => name)])];
  return JSON.stringify(
    names
      .filter((name) => name !== 'enp9s0')
      .map((name) => {
        const own = stanzas.filter((one) => one.name === name).flatMap(({ options }) => options);
        return {
          ifname: name,
          address: PORTS[name as keyof typeof PORTS] ?? '52:54:00:00:00:99', // a name of these or of none
          link_type: name === 'lo' ? 'loopback' : 'ether',
          mtu: Number(own.find(([key]) => key === 'mtu')?.[1] ?? 1500),
          ...(masters.has(name) ? { master: masters.get(name) } : {}),
          ...(name in PORTS ? {} : { linkinfo: { info_kind: 'bridge' } }),
          addr_info: own
            .filter(([key]) => key === 'address')
            .map(([, value]) => ({ local: value.split('/')[0], prefixlen: Number(value.split('/')[1]), scope: 'global' })),
        };
      }),
  );
}

const AWARE = { bridges: [{ name: 'vmbr0', ports: ['enp1s0'] }] };
/** The whole journey: a bond, tagged management, its final address, and a port for Ceph. */
const MOVED = {
  bonds: [{ name: 'bond0', ports: ['52:54:00:00:00:01', 'enp2s0'], mode: '802.3ad', hash: 'layer3+4' }],
  bridges: [{ name: 'vmbr0', ports: ['bond0'] }],
  vlans: [
    { parent: 'vmbr0', tag: 20 },
    { parent: 'vmbr0', tag: 30, addresses: ['10.0.30.{host}/24'], mtu: 1500 },
  ],
  management: { interface: 'vmbr0.20', address: '10.0.20.{host}/24', gateway: '10.0.20.1' },
};

describe('the network', () => {
  it('is changed, confirmed over a new connection, and kept, wherever it is cut off', async () => {
    const { first } = await provesIdempotence(step, AWARE, world);
    expect(first).toEqual({
      is: 'needed',
      plan: [
        'vmbr0: address 10.0.0.11/24, gateway 10.0.0.1, bridge-ports enp1s0, bridge-stp off, bridge-fd 0, bridge-vlan-aware yes, bridge-vids 2-4094',
      ],
    });
  });

  it('keeps what the step does not speak of, also what is not plugged in', async () => {
    const more = INSTALLED.replace(
      'iface enp2s0 inet manual',
      'auto vmbr9\niface vmbr9 inet manual\n\t# a comment\n\tbridge_ports none\n\nauto enp9s0\niface enp9s0 inet static\n\taddress 192.0.2.1/24\n\nallow-hotplug enp2s0\niface enp2s0 inet dhcp',
    );
    const one = world({ file: more });
    await one.clock.until(step.apply(one.context(step, AWARE)));
    const file = one.machine.files.get(FILE) ?? '';
    expect(file).toContain('auto vmbr9\niface vmbr9 inet manual\n\tbridge-ports none');
    expect(file).toContain('allow-hotplug enp2s0\niface enp2s0 inet dhcp');
    expect(file).toMatch(/source \/etc\/network\/interfaces\.d\/\*\n$/);
  });

  it('moves to a bond, a tagged VLAN and its final address, and the appliance knows', async () => {
    const one = world();
    await one.clock.until(step.apply(one.context(step, MOVED)));
    expect(one.moves).toEqual(['10.0.20.11']);
    expect(one.machine.files.get(FILE)).toContain(
      'auto bond0\niface bond0 inet manual\n\tbond-slaves enp1s0 enp2s0\n\tbond-miimon 100\n\tbond-mode 802.3ad\n\tbond-xmit-hash-policy layer3+4\n',
    );
    expect(one.machine.files.get(FILE)).toContain(
      'auto vmbr0.20\niface vmbr0.20 inet static\n\taddress 10.0.20.11/24\n\tgateway 10.0.20.1\n',
    );
    expect(one.machine.files.get(FILE)).toContain('iface vmbr0.30 inet static\n\taddress 10.0.30.11/24\n\tmtu 1500\n');
    expect(one.machine.files.get(FILE)).not.toContain('10.0.0.11');
    expect(one.machine.state.before).toBe('');
  });

  it('that moved, and the appliance was cut off before it wrote that down, is found at its new address', async () => {
    const one = world();
    await one.clock.until(step.apply(one.context(step, MOVED)));
    one.moves.splice(0);
    one.notes.set('network.to', '10.0.20.11');
    expect(await step.check(one.context(step, MOVED))).toEqual({ is: 'needed', plan: ['from now on it is managed at 10.0.20.11'] });
    await step.apply(one.context(step, MOVED));
    expect([one.moves, one.notes.get('network.to')]).toEqual([['10.0.20.11'], '']);
  });

  it('that nobody can reach goes back by itself, and the error says so', async () => {
    const one = world({ isDeadWith: (loaded) => loaded.includes('vlan-aware') });
    await expect(one.clock.until(step.apply(one.context(step, AWARE)))).rejects.toMatchObject({
      message: containing(
        'could not be confirmed at 10.0.0.11 within 120 s (no SSH connection to 10.0.0.11 could be made); it went back to its former network',
      ),
    });
    expect(one.machine.files.get(FILE)).toBe(INSTALLED);
    expect(one.moves).toEqual([]);
    expect(await step.check(one.context(step, AWARE))).toMatchObject({ is: 'needed' });
  });

  it('that comes up with less than was asked for goes back too', async () => {
    const one = world();
    one.machine.on(['ip', '-j', '-d', 'address', 'show'], (_, machine) =>
      linksOf(String(machine.state.loaded).replace(String(machine.state.before === '' ? '#' : 'bridge-ports enp1s0'), 'bridge-ports none')),
    );
    await expect(one.clock.until(step.apply(one.context(step, AWARE)))).rejects.toThrow('enp1s0 is not in vmbr0');
    expect(one.machine.files.get(FILE)).toBe(INSTALLED);
  });

  it('is loaded anew where the running one differs from the file', async () => {
    const one = world();
    await one.clock.until(step.apply(one.context(step, AWARE)));
    one.machine.state.loaded = INSTALLED.replace('bridge-ports enp1s0', 'bridge-ports none');
    expect(await step.check(one.context(step, AWARE))).toEqual({
      is: 'needed',
      plan: ['enp1s0 is not in vmbr0: the network is loaded anew'],
    });
  });

  it('is not confirmed while the old one may still be the one that answers', async () => {
    const one = world();
    const loading = { for: 2 };
    one.machine.on(['test', '-e', LOADED], () => {
      loading.for -= 1;
      return { code: loading.for >= 0 ? 1 : 0 };
    });
    await one.clock.until(step.apply(one.context(step, AWARE)));
    const order = one.machine.commands.flatMap((words) =>
      words.includes(LOADED) ? ['loaded?'] : words[2]?.startsWith('# keeps') === true ? ['keep'] : [],
    );
    expect([order, one.machine.state.before]).toEqual([['loaded?', 'loaded?', 'loaded?', 'loaded?', 'keep'], '']);
  });

  it('is not touched where somebody else is about to, or a member would move', async () => {
    const staged = world({ state: { staged: true } });
    expect(await step.check(staged.context(step, AWARE))).toMatchObject({ is: 'impossible', hint: containing('Apply or revert') });
    const member = world({ state: { clustered: true } });
    expect(await step.check(member.context(step, MOVED))).toMatchObject({
      is: 'impossible',
      reason: containing('its address stays 10.0.0.11'),
    });
    expect(await step.check(member.context(step, AWARE))).toMatchObject({ is: 'needed' });
  });

  it.each([
    [{ bridges: [{ name: 'vmbr0', ports: ['enp7s0'] }] }, 'the machine has no network port enp7s0'],
    [{ bridges: [{ name: 'vmbr1', ports: ['enp1s0'] }] }, 'management.interface vmbr0 is none of those that the step makes'],
    [
      {
        bridges: [
          { name: 'vmbr0', ports: ['enp1s0'] },
          { name: 'vmbr1', ports: ['enp1s0'] },
        ],
      },
      'enp1s0 is to be in two bridges or bonds',
    ],
  ])('is refused before anything is changed: %j', async (args, reason) => {
    const one = world();
    expect(await step.check(one.context(step, args))).toMatchObject({ is: 'impossible', reason });
    await expect(step.apply(one.context(step, args))).rejects.toThrow(reason);
    expect(one.machine.files.get(FILE)).toBe(INSTALLED);
  });
});
