import { describe, expect, it } from 'vitest';
import { type Mac, Secret, silentLog, systemRandom } from '../../../src/lib/index.ts';
import type { DriverInfo } from '../../../src/nodes/index.ts';
import { createDrivers, createSightings, manualOf, type People, type Target } from '../../../src/power/index.ts';
import type { SshEnd } from '../../../src/power/ssh-session.ts';
import { magicPacket, waysOut } from '../../../src/power/wol.ts';
import { mapMemory } from '../../conformance/power/memory.ts';
import { targetOf } from '../../conformance/power/suite.ts';
import { playedDesk } from '../../support/desk.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const MAC = '52:54:00:12:34:56' as Mac; // in its one spelling
const SILENT: SshEnd = { is: 'silent', said: 'timed out' };
const HERE: SshEnd = { is: 'done', hostKey: 'SHA256:x', code: 0, said: '' };

function world() {
  const clock = createFakeClock();
  const sightings = createSightings(clock);
  const desk = playedDesk(clock);
  const notes: string[] = [];
  const people: People = {
    ask: (_target, _wanted, what) => {
      notes.push(`ask: ${what}`);
      return Promise.resolve();
    },
    settle: (_target, end, why) => {
      notes.push(`${end}: ${why}`);
      return Promise.resolve();
    },
    note: (_target, decision, reason) => {
      notes.push(`${decision}: ${reason}`);
    },
  };
  const ssh = { end: SILENT, commands: [] as string[] };
  const drivers = createDrivers({
    clock,
    random: systemRandom,
    memory: mapMemory(),
    people,
    sightings,
    desk,
    sendMagic: () => Promise.resolve(),
    askSsh: ({ command }) => {
      if (command !== undefined && ssh.end.is === 'done') ssh.commands.push(command);
      return Promise.resolve(ssh.end);
    },
  });
  const power = (name: string) => {
    const found = drivers.find((driver) => driver.interface === 'power' && driver.name === name);
    if (found?.power === undefined) throw new Error(`there is no power interface ${name}`);
    return { ...found.power, refusal: (target: Target) => found.refusal(target) };
  };
  return { clock, sightings, desk, notes, ssh, power, manual: manualOf(drivers) };
}

const call = () => ({ signal: new AbortController().signal, log: silentLog });
const machine = (driverInfo: DriverInfo = {}): Target => targetOf(driverInfo, { macs: [MAC] });
const key = { ssh_address: '192.0.2.7', ssh_private_key: new Secret('key') };
const wol = { wol_host: '127.0.0.1', wol_port: 9 };

/** Looks as often as who waits for a machine does. */
async function lookFor(seconds: number, { clock, power }: ReturnType<typeof world>, target: Target) {
  let reading = await power('chain').state(target, call());
  for (let passed = 0; passed < seconds; passed += 5) {
    await clock.advance(5000);
    reading = await power('chain').state(target, call());
  }
  return reading;
}

describe('a person', () => {
  it('is asked once, and is done when the machine is seen', async () => {
    const { power, notes, sightings, clock } = world();
    const manual = power('manual');
    await manual.set(machine(), 'power on', call());
    expect(await manual.state(machine(), call())).toBe('power off');
    await manual.set(machine(), 'power on', call()); // a restart of the appliance begins anew
    await clock.advance(3000);
    sightings.machineSeen(MAC, 'alive');
    expect(await manual.state(machine(), call())).toBe('power on');
    expect(await manual.state(machine(), call())).toBeNull();
    expect(notes).toEqual(['ask: Press the power button of pve1: it shall start.', 'done: the machine was seen on the network']);
  });

  it('has restarted a machine when its firmware boots, not when its system renews a lease', async () => {
    const { power, sightings } = world();
    await power('manual').set(machine(), 'rebooting', call());
    sightings.machineSeen(MAC, 'alive');
    expect(await power('manual').state(machine(), call())).toBe('power off');
    sightings.machineSeen(MAC, 'boot');
    expect(await power('manual').state(machine(), call())).toBe('power on');
  });

  it('says that a machine is off, and needs not come when nobody waits any more', async () => {
    const { power, notes, manual, clock } = world();
    await power('manual').set(machine(), 'power off', call());
    expect(await power('manual').state(machine(), call())).toBe('power on');
    manual?.confirm(machine().uuid);
    expect(await power('manual').state(machine(), call())).toBe('power off');
    expect(() => manual?.confirm(machine().uuid)).toThrow('nobody was asked');
    await power('manual').set(machine(), 'power on', call());
    await clock.advance(60_000);
    expect(await power('manual').state(machine(), call())).toBeNull();
    expect(notes.at(-1)).toBe('withdrawn: nobody waits for it any more');
  });
});

describe('ssh', () => {
  it('takes silence for off only after it has told the machine to go off', async () => {
    const { power, ssh } = world();
    const way = power('ssh');
    const target = machine(key);
    expect(await way.state(target, call())).toBeNull();
    ssh.end = HERE;
    await way.set(target, 'soft power off', call());
    expect(await way.state(target, call())).toBe('power on');
    ssh.end = { is: 'refused', said: 'ECONNREFUSED' };
    expect(await way.state(target, call())).toBe('power on');
    ssh.end = SILENT;
    expect(await way.state(target, call())).toBe('power off');
  });

  it('runs sudo for a user who is not root', async () => {
    const { power, ssh } = world();
    ssh.end = HERE;
    await power('ssh').set(machine({ ...key, ssh_username: 'admin' }), 'rebooting', call());
    expect(ssh.commands).toEqual(["sudo -n sh -c 'systemctl reboot || shutdown -r now'"]);
  });
});

describe('the agent', () => {
  it('takes an order with its next word; an order that nobody wants any more is gone', async () => {
    const { power, desk, clock } = world();
    const target = machine();
    await expect(power('agent').set(target, 'rebooting', call())).rejects.toMatchObject({ code: 'power.unreachable' });
    expect(desk.take(target.uuid)).toBeNull();
    desk.heard(target.uuid);
    const told = power('agent').set(target, 'rebooting', call());
    await clock.advance(1);
    expect(desk.take(target.uuid)).toBe('reboot');
    await told;
    desk.heard(target.uuid);
    const caller = new AbortController();
    const dropped = power('agent').set(target, 'power off', { ...call(), signal: caller.signal });
    caller.abort(new Error('given up'));
    await expect(dropped).rejects.toThrow('given up');
    expect(desk.take(target.uuid)).toBeNull();
  });

  it('is told once, also when an appliance that was killed had told it before', async () => {
    const { power, desk, clock } = world();
    const target = machine();
    desk.heard(target.uuid);
    await desk.place(target.uuid, { key: 'power:before', name: 'reboot', args: {} });
    const told = power('agent').set(target, 'power off', call());
    await clock.advance(1);
    expect(desk.take(target.uuid)).toBe('power_off');
    await told;
    expect(desk.take(target.uuid)).toBeNull();
  });

  it('that refuses to go is said to have refused, with its own words', async () => {
    const { power, desk, clock } = world();
    const target = machine();
    desk.heard(target.uuid);
    const told = power('agent').set(target, 'rebooting', call());
    await clock.advance(1);
    const order = desk.give(target.uuid);
    desk.settle(target.uuid, order?.key ?? '', { state: 'failed', message: 'reboot was given before' });
    await expect(told).rejects.toMatchObject({
      code: 'power.refused',
      message: expect.stringContaining('reboot was given before') as unknown,
    });
  });

  it('is on while it beats, off when it went because it was told to, and unknown otherwise', async () => {
    const { power, desk, clock } = world();
    const target = machine();
    desk.heard(target.uuid);
    expect(await power('agent').state(target, call())).toBe('power on');
    await clock.advance(100_000);
    expect(await power('agent').state(target, call())).toBeNull();
    desk.heard(target.uuid);
    const told = power('agent').set(target, 'soft power off', call());
    await clock.advance(1);
    expect(desk.take(target.uuid)).toBe('power_off');
    await told;
    expect(await power('agent').state(target, call())).toBe('power off');
  });
});

describe('a chain', () => {
  it('goes on to the next way when the one before could not be told, and says why', async () => {
    const { power, ssh, notes } = world();
    const target = machine({ ...key, power_chain: ['agent', 'ssh'] });
    ssh.end = HERE;
    await power('chain').set(target, 'soft power off', call());
    expect(ssh.commands).toHaveLength(1);
    expect(notes[0]).toBe(
      'soft power off: told through ssh (before: agent: the agent does not run on node pve1: it was not heard in the last 95 s)',
    );
    expect(await power('chain').state(target, call())).toBe('power on');
    ssh.end = SILENT;
    expect(await power('chain').state(target, call())).toBe('power off');
  });

  it('asks a person when a magic packet woke nobody', async () => {
    const all = world();
    const target = machine({ ...key, ...wol });
    await all.power('chain').set(target, 'power on', call());
    expect(all.notes).toEqual(['power on: told through wol']);
    expect(await lookFor(150, all, target)).toBe('power off');
    expect(await lookFor(10, all, target)).toBe('power off');
    expect(all.notes.slice(1)).toEqual([
      'ask: Press the power button of pve1: it shall start.',
      'power on: told through manual (before: wol: told, and the machine did not get there)',
    ]);
    await lookFor(3600, all, target);
    all.sightings.machineSeen(MAC, 'boot');
    expect(await all.power('chain').state(target, call())).toBe('power on');
    expect(all.notes[3]).toBe('done: the machine was seen on the network');
  });

  it('is done as soon as the machine is seen, or its system answers', async () => {
    const all = world();
    const target = machine({ ...key, ...wol });
    await all.power('chain').set(target, 'power on', call());
    all.ssh.end = HERE;
    expect(await all.power('chain').state(target, call())).toBe('power on');
    all.ssh.end = SILENT;
    await all.power('chain').set(target, 'power on', call());
    all.sightings.machineSeen(MAC, 'alive');
    expect(await all.power('chain').state(target, call())).toBe('power on');
  });

  it('wakes a machine that it has told to go off: its silence means nothing from then on', async () => {
    const all = world();
    const target = machine({ ...key, ...wol, power_chain: ['ssh', 'wol'] });
    all.ssh.end = HERE;
    await all.power('chain').set(target, 'power off', call());
    all.ssh.end = SILENT;
    expect(await all.power('chain').state(target, call())).toBe('power off');
    await all.power('chain').set(target, 'power on', call());
    await lookFor(150, all, target);
    expect(await lookFor(10, all, target)).toBeNull(); // woken, and nobody can know
  });

  it('fails with every reason when no way is left', async () => {
    const { power } = world();
    const target = machine({ ...key, power_chain: ['agent', 'ssh'] });
    const told = power('chain').set(target, 'rebooting', call());
    await expect(told).rejects.toMatchObject({ code: 'power.chain_failed' });
    await expect(power('chain').set(target, 'rebooting', call())).rejects.toThrow(/agent: .*; ssh: /);
    await expect(power('chain').set(target, 'power on', call())).rejects.toThrow('no way of the chain can do that');
  });

  it('tries nothing by itself when nobody waits any more', async () => {
    const all = world();
    const target = machine(wol);
    await all.power('chain').set(target, 'power on', call());
    await all.clock.advance(600_000);
    expect(await all.power('chain').state(target, call())).toBeNull();
    expect(all.notes).toEqual(['power on: told through wol']);
  });

  it('refuses ways that there are not, and ways that lack something', () => {
    const { refusal } = world().power('chain');
    expect(refusal(machine({ power_chain: ['ssh'] }))).toBe('driver_info/power_chain: ssh: driver_info lacks ssh_address');
    expect(refusal(machine({ power_chain: ['telnet'] }))).toContain('power_chain');
    expect(refusal(machine({ power_chain: 'ssh' }))).toContain('power_chain');
    expect(refusal(machine({ power_chain: ['manual', 'manual'] }))).toContain('power_chain');
    expect(refusal(machine())).toBeNull();
  });
});

describe('what was seen', () => {
  it('is bounded: the one seen longest ago is forgotten', () => {
    const sightings = createSightings(createFakeClock(), 2);
    for (const who of ['a', 'b', 'a', 'c']) sightings.machineSeen(who, 'alive');
    expect(['a', 'b', 'c'].filter((who) => sightings.wasSeen([who], 'alive', 0))).toEqual(['a', 'c']);
    expect(sightings.wasSeen(['a'], 'boot', 0)).toBe(false);
  });
});

describe('magic packets', () => {
  const card = (address: string, cidr: string, netmask: string, internal = false) =>
    ({ address, cidr: `${address}/${cidr}`, netmask, internal, family: 'IPv4', mac: '02:00:00:00:00:01' }) as const;
  const interfaces = {
    lo: [card('127.0.0.1', '8', '255.0.0.0', true)],
    eth0: [card('192.0.2.9', '24', '255.255.255.0'), card('192.0.2.10', '24', '255.255.255.0')],
    eth1: [card('10.1.2.3', '20', '255.255.240.0'), card('10.9.9.9', '32', '255.255.255.255')],
  };

  it('leave through every network that the appliance is in, once each', () => {
    expect(waysOut(interfaces)).toEqual([
      { from: '192.0.2.10', to: '192.0.2.255' },
      { from: '10.1.2.3', to: '10.1.15.255' },
    ]);
    expect(waysOut(interfaces, 'eth1')).toEqual([{ from: '10.1.2.3', to: '10.1.15.255' }]);
    expect(waysOut(interfaces, undefined, '198.51.100.7')).toEqual([{ from: undefined, to: '198.51.100.7' }]);
    expect(waysOut(interfaces, 'eth7')).toEqual([]);
  });

  it('are six times ff and sixteen times the address', () => {
    expect(magicPacket(MAC).toString('hex')).toBe('ff'.repeat(6) + '525400123456'.repeat(16));
  });
});
