// The ipmitool drivers against Debian's ipmi_sim, and what its commands look like.

import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { type Run, runProgram, Secret, silentLog, systemClock, systemRandom } from '../../../src/lib/index.ts';
import type { DriverInfo, Interface } from '../../../src/nodes/index.ts';
import { createDrivers, type Driver } from '../../../src/power/index.ts';
import { IPMI_USER, type IpmiSim, PAPER_MACHINE, startIpmiSim } from './ipmi-sim.ts';
import { mapMemory } from './memory.ts';
import { driverSuite, PASSWORD, targetOf } from './suite.ts';

const driverOf = (which: Interface, run: Run = runProgram): Driver => {
  const drivers = createDrivers({ clock: systemClock, random: systemRandom, memory: mapMemory(), run });
  const found = drivers.find((driver) => driver.interface === which && driver.name === 'ipmitool');
  if (found === undefined) throw new Error(`there is no ipmitool ${which}`);
  return found;
};

const infoOf = (port: number, more: DriverInfo = {}): DriverInfo => ({
  ipmi_address: '127.0.0.1',
  ipmi_port: port,
  ipmi_username: IPMI_USER,
  ipmi_password: new Secret(PASSWORD),
  ...more,
});

const call = () => ({ signal: AbortSignal.timeout(60_000), log: silentLog });

async function silentBmc(): Promise<{ readonly port: number; close(): Promise<void> }> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve);
  });
  return {
    port: socket.address().port,
    close: () =>
      new Promise((resolve) => {
        socket.close(() => resolve());
      }),
  };
}

/** ipmi_sim forgets the first byte of the boot flags (valid, persistent, UEFI) and does not know the safe mode: this remembers them for it. */
function withFlags(): Run {
  let flags: readonly string[] = [];
  return async (command, args, options) => {
    const at = args.indexOf('raw');
    const sent = at === -1 ? [] : args.slice(at + 1);
    if (sent[1] === '0x08' && sent[2] === '0x05') flags = sent.slice(3, 5);
    if (sent[1] === '0x08' && sent[4] === '0x0c') return { code: 0, stdout: '', stderr: '' };
    const ended = await runProgram(command, args, options);
    if (sent[1] !== '0x09' || ended.code !== 0) return ended;
    const bytes = ended.stdout.trim().split(' ');
    const selector = flags[1] === '0x0c' ? '0c' : bytes[3];
    return { ...ended, stdout: ` ${[...bytes.slice(0, 2), flags[0]?.slice(2) ?? bytes[2], selector, ...bytes.slice(4)].join(' ')}\n` };
  };
}

for (const which of ['power', 'management', 'vendor'] as const) {
  driverSuite(`ipmitool, ${which}`, async () => {
    const [sim, silent] = [await startIpmiSim(PASSWORD, PAPER_MACHINE), await silentBmc()];
    return {
      driver: driverOf(which, which === 'management' ? withFlags() : runProgram),
      well: targetOf(infoOf(sim.port)),
      failing: targetOf(infoOf(sim.port, { ipmi_username: 'nobody' })),
      hanging: targetOf(infoOf(silent.port)),
      required: ['ipmi_address'],
      malformed: {
        ipmi_address: 'not an address; reboot',
        ipmi_port: 'ipmi',
        ipmi_priv_level: 'GOD',
        ipmi_protocol_version: '3.0',
        ipmi_cipher_suite: 'best',
        ipmi_hex_kg_key: 'xyz',
        ipmi_bridging: 'triple',
      },
      asksMachine: true,
      withoutSteps: ['send_raw'], // its bytes mean something to a real BMC only: see below
      close: async () => {
        await sim.close();
        await silent.close();
      },
    };
  });
}

async function withSim(work: (sim: IpmiSim) => Promise<void>): Promise<void> {
  const sim = await startIpmiSim(PASSWORD, PAPER_MACHINE);
  try {
    await work(sim);
  } finally {
    await sim.close();
  }
}

describe('ipmitool', () => {
  it('finds out once that a BMC lacks the strong cipher suite, and tells no password to those who list processes', () =>
    withSim(async ({ port }) => {
      const seen: string[][] = [];
      const run: Run = (command, args, options) => {
        seen.push([command, ...args]);
        return runProgram(command, args, options);
      };
      const { power } = driverOf('power', run);
      const target = targetOf(infoOf(port));
      await power?.state(target, call());
      await power?.state(target, call());
      const suites = seen.map((args) => args[args.indexOf('-C') + 1]);
      expect(suites).toEqual(['17', '3', '3']);
      expect(JSON.stringify(seen)).not.toContain(PASSWORD.slice(0, 7));
    }));

  it('sets the boot device for UEFI and for good, and the machine is told', () =>
    withSim(async ({ port, calls }) => {
      const seen: string[] = [];
      const run: Run = (command, args, options) => {
        seen.push(args.slice(args.indexOf('raw')).join(' '));
        return runProgram(command, args, options);
      };
      const { management } = driverOf('management', run);
      const target = targetOf(infoOf(port, { ipmi_cipher_suite: 3 }));
      await management?.setBootDevice(target, { device: 'pxe', isPersistent: true }, call());
      expect(seen).toEqual(['raw 0x00 0x08 0x03 0x08', 'raw 0x00 0x08 0x05 0xe0 0x04 0x00 0x00 0x00']);
      expect(await readFile(calls, 'utf8')).toContain('set boot pxe\n');
      seen.length = 0;
      const bios = { ...target, recorded: { ...target.recorded, bootMode: 'bios' } };
      await management?.setBootDevice(bios, { device: 'disk', isPersistent: false }, call());
      expect(seen[1]).toBe('raw 0x00 0x08 0x05 0x80 0x08 0x00 0x00 0x00');
    }));

  it('sends raw bytes, refuses what are none, and refuses what the BMC refuses', () =>
    withSim(async ({ port }) => {
      const { vendor } = driverOf('vendor');
      const target = targetOf(infoOf(port));
      await expect(vendor?.call(target, 'send_raw', { raw_bytes: '0x06 0x01' }, call())).resolves.toBeNull();
      await expect(vendor?.call(target, 'send_raw', { raw_bytes: '0x06 ; reboot' }, call())).rejects.toMatchObject({ status: 400 });
      await expect(vendor?.call(target, 'send_raw', { raw_bytes: '0x30 0x77' }, call())).rejects.toMatchObject({ code: 'power.refused' });
      await expect(driverOf('management').management?.injectNmi?.(target, call())).rejects.toMatchObject({ code: 'power.refused' });
    }));
});
