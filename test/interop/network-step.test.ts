// A node's network changed and taken back on the real ifupdown2 of Debian 13, in a network namespace whose other end is asked whether it can
// reach the machine. systemd's timers are a shim, ten times as fast; the scripts are those of the step.

import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Clock, RackseedError, systemClock } from '../../src/lib/index.ts';
import { step } from '../../src/pipeline/steps/network.ts';
import type { RootShell } from '../../src/proxmox/index.ts';
import { containing } from '../support/containing.ts';
import { type DebianTree, debianTree } from '../support/debian-tree.ts';
import { stepWorld } from '../support/pipeline.ts';

const run = promisify(execFile);
const NODE = `rsnet${process.pid}n`;
const FAR = `rsnet${process.pid}f`;
const FASTER = 10;
const FILE = '/etc/network/interfaces';

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

const SYSTEMD_RUN = `#!/bin/sh
unit= wait=0
while :; do
  case "$1" in
  --unit=*) unit=\${1#*=} ;;
  --on-active=*) wait=\${1#*=} ;;
  -*) ;;
  *) break ;;
  esac
  shift
done
setsid sh -c 'sleep "$1"; shift; exec "$@"' sh "$(echo "$wait" | awk '{ print $1 / ${FASTER} }')" "$@" </dev/null >/dev/null 2>&1 &
echo "$!" >"/run/$unit.pid"
`;
const SYSTEMCTL = `#!/bin/sh
case "$1 $2" in
"stop "*.timer) kill "$(cat "/run/\${2%.timer}.pid")" ;;
esac
`;

/** Ten of its seconds pass in one. */
const clock: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * FASTER,
  sleep: (ms, signal) => systemClock.sleep(ms / FASTER, signal),
};

let tree: DebianTree;

beforeAll(async () => {
  for (const name of [NODE, FAR]) await run('ip', ['netns', 'add', name]);
  for (const [port, peer] of [
    ['enp1s0', 'far1'],
    ['enp2s0', 'far2'],
  ] as const)
    await run('ip', ['-n', NODE, 'link', 'add', port, 'type', 'veth', 'peer', 'name', peer, 'netns', FAR]);
  // far1 is the old network, far2 another one.
  for (const [port, address] of [
    ['far1', '10.0.0.1/24'],
    ['far2', '10.0.20.1/24'],
  ] as const) {
    await run('ip', ['-n', FAR, 'address', 'add', address, 'dev', port]);
    await run('ip', ['-n', FAR, 'link', 'set', port, 'up']);
  }
  tree = await debianTree('trixie', ['chrony', 'fdisk', 'gdisk', 'ifupdown2', 'iproute2', 'mawk', 'tzdata'], NODE);
  for (const folder of ['run/network', 'etc/iproute2/rt_tables.d']) await mkdir(join(tree.root, folder), { recursive: true });
  await writeFile(join(tree.root, 'usr/local/bin/systemd-run'), SYSTEMD_RUN, { mode: 0o755 });
  await writeFile(join(tree.root, 'usr/local/bin/systemctl'), SYSTEMCTL, { mode: 0o755 });
}, 1_200_000);

afterAll(async () => {
  await tree.close();
  for (const name of [NODE, FAR]) await run('ip', ['netns', 'delete', name]);
});

beforeEach(async () => {
  await writeFile(join(tree.root, FILE), INSTALLED);
  await tree.shell.must(['ifreload', '-a']);
});

/** Its ports are ends of a cable that the kernel plays: they count as ports of the machine. */
function machineAt(address: string): RootShell & { close(): Promise<void> } {
  return {
    ...tree.shell,
    address,
    must: async (command, options) => {
      const out = await tree.shell.must(command, options);
      return command[0] === 'ip' ? out.replaceAll('"info_kind":"veth"', '"kind":"port"') : out;
    },
    close: () => Promise.resolve(),
  };
}

async function canBeReached(address: string): Promise<boolean> {
  return run('ip', ['netns', 'exec', FAR, 'busybox', 'ping', '-c', '1', '-W', '1', address]).then(
    () => true,
    () => false,
  );
}

function contextOn(args: Readonly<Record<string, unknown>>, moves: string[] = []): Parameters<typeof step.apply>[0] {
  return {
    ...stepWorld().context(step, args),
    clock,
    shell: machineAt('10.0.0.11'),
    shellAt: async (address: string) => {
      if (await canBeReached(address)) return machineAt(address);
      throw new RackseedError('proxmox.shell_unreachable', { status: 502, about: 'no answer' }, { message: `${address} does not answer` });
    },
    moved: (address: string) => {
      moves.push(address);
      return Promise.resolve();
    },
  };
}

describe('the network of a node', () => {
  it('moves to another port, bridge and address, and is kept', { timeout: 120_000 }, async () => {
    const args = {
      bridges: [
        { name: 'vmbr0', ports: ['enp1s0'], vlan_aware: false },
        { name: 'vmbr1', ports: ['enp2s0'], vlan_aware: false, mtu: 1400 },
      ],
      management: { interface: 'vmbr1', address: '10.0.20.{host}/24', gateway: '10.0.20.1' },
    };
    const moves: string[] = [];
    await step.apply(contextOn(args, moves));
    expect(moves).toEqual(['10.0.20.11']);
    expect([await canBeReached('10.0.20.11'), await canBeReached('10.0.0.11')]).toEqual([true, false]);
    const after = { ...contextOn(args), shell: machineAt('10.0.20.11') };
    expect(await step.check(after)).toMatchObject({ is: 'satisfied' });
    // The timer is off: nothing is taken back later.
    const [timer] = (await readFile(join(tree.root, 'run/rackseed-network-timer.pid'), 'utf8')).split('\n');
    expect(await readFile(`/proc/${timer ?? ''}/status`, 'utf8').catch(() => 'State:\tZ (gone)')).toMatch(/^State:\tZ/m);
  });

  it('that leads nowhere takes itself back', { timeout: 120_000 }, async () => {
    const args = { bridges: [{ name: 'vmbr0', ports: [], vlan_aware: false }], confirm_seconds: 90 };
    await expect(step.apply(contextOn(args))).rejects.toMatchObject({
      message: containing(
        'could not be confirmed at 10.0.0.11 within 90 s (10.0.0.11 does not answer); it went back to its former network',
      ),
    });
    expect(await canBeReached('10.0.0.11')).toBe(true);
    expect(await readFile(join(tree.root, FILE), 'utf8')).toBe(INSTALLED);
  });

  it('that lost its timer with a start of the machine takes itself back before its network comes up', { timeout: 120_000 }, async () => {
    await tree.shell.must(['sh', '-c', `cp ${FILE} /var/lib/rackseed/network/before; echo broken >${FILE}`]);
    await tree.shell.must(['sh', '/var/lib/rackseed/network/take-back', 'boot']);
    expect(await readFile(join(tree.root, FILE), 'utf8')).toBe(INSTALLED);
    expect((await tree.shell.must(['sh', '/var/lib/rackseed/network/take-back', 'late'])).trim()).toBe('');
    expect(await readFile(join(tree.root, FILE), 'utf8')).toBe(INSTALLED);
  });
});
