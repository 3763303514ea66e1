import { describe, expect, it } from 'vitest';
import { type Run, type RunResult, Secret, silentLog } from '../../../src/lib/index.ts';
import { ipmiDrivers } from '../../../src/power/ipmi.ts';
import { decodeBootFlags, encodeBootFlags, rawBytes } from '../../../src/power/ipmi-boot-codec.ts';
import { ipmiArguments } from '../../../src/power/ipmi-tool.ts';
import { targetOf } from '../../conformance/power/suite.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const call = () => ({ signal: new AbortController().signal, log: silentLog });
const failed = (stderr: string): RunResult => ({ code: 1, stdout: '', stderr });
const fine = (stdout: string): RunResult => ({ code: 0, stdout, stderr: '' });

function scripted(answers: RunResult[]) {
  const clock = createFakeClock();
  const seen: string[] = [];
  const run: Run = (_command, args) => {
    seen.push(args.slice(args.indexOf('-C')).join(' '));
    return Promise.resolve(answers.shift() ?? fine('Chassis Power is on'));
  };
  const power = ipmiDrivers({ clock, run }).find((driver) => driver.interface === 'power')?.power;
  if (power === undefined) throw new Error('there is no power interface');
  return { clock, seen, power };
}

const target = targetOf({ ipmi_address: '192.0.2.9', ipmi_password: new Secret('hunter2') });

describe('the boot flags of IPMI', () => {
  it('come out as they went in', () => {
    for (const device of ['pxe', 'disk', 'safe', 'cdrom', 'bios'] as const) {
      for (const isPersistent of [true, false]) {
        const bytes = encodeBootFlags(device, isPersistent, true)?.map((byte) => byte.toString(16).padStart(2, '0')) ?? [];
        expect(decodeBootFlags(` 01 05 ${bytes.join(' ')}\n`)).toEqual({ device, isPersistent, isUefi: true });
      }
    }
    expect(encodeBootFlags('ukiboot', true, true)).toBeUndefined();
  });

  it('that are not valid name no device, and what is no answer is none', () => {
    expect(decodeBootFlags(' 01 05 00 04 00 00 00')).toEqual({ device: null, isPersistent: null, isUefi: false });
    for (const text of ['', 'no', '01 85 80 04', '01 06 80 04 00 00 00', '01 05 zz 04'])
      expect(decodeBootFlags(text), text).toBeUndefined();
  });

  it('raw bytes are bytes', () => {
    expect(rawBytes('0x00 0x09 5')).toEqual(['0x00', '0x09', '5']);
    for (const text of ['', '0x00', '0x00 256', '0x00 -v', '0x00;ls', 7, null]) expect(rawBytes(text), String(text)).toBeUndefined();
  });
});

describe('ipmitool', () => {
  it("is given what Ironic's clients write into driver_info", () => {
    const { args, env } = ipmiArguments(
      {
        ipmi_address: 'bmc1',
        ipmi_username: 'root',
        ipmi_password: new Secret('hunter2'),
        ipmi_bridging: 'dual',
        ipmi_transit_channel: '0',
        ipmi_transit_address: '0x82',
        ipmi_target_channel: 7,
        ipmi_target_address: '0x72',
        ipmi_priv_level: 'OPERATOR',
      },
      '17',
    );
    expect(args.join(' ')).toBe('-I lanplus -H bmc1 -p 623 -L OPERATOR -R 2 -N 2 -U root -E -C 17 -B 0 -T 0x82 -b 7 -t 0x72');
    expect(env.IPMI_PASSWORD).toBe('hunter2');
    expect(ipmiArguments({ ipmi_address: 'bmc1', ipmi_protocol_version: '1.5' }, undefined).args.join(' ')).toBe(
      '-I lan -H bmc1 -p 623 -L ADMINISTRATOR -R 2 -N 2',
    );
  });

  it('is run again while the BMC is busy, and not for ever', async () => {
    const busy = failed('Error: insufficient resources for session');
    const { clock, seen, power } = scripted([busy, busy]);
    expect(await clock.until(power.state(target, call()))).toBe('power on');
    expect(seen).toHaveLength(3);
    const never = scripted(Array.from({ length: 9 }, () => busy));
    await expect(never.clock.until(never.power.state(target, call()))).rejects.toMatchObject({ code: 'power.refused' });
    expect(never.seen).toHaveLength(4);
  });

  it('tries the other cipher suite the next time when a BMC is silent to the first', async () => {
    const { seen, power } = scripted([failed('Error: Unable to establish IPMI v2 / RMCP+ session')]);
    await expect(power.state(target, call())).rejects.toMatchObject({ code: 'power.unreachable', retryable: true });
    expect(await power.state(target, call())).toBe('power on');
    expect(seen).toEqual(['-C 17 power status', '-C 3 power status']);
  });

  it('restarts by off, a look until it is off, and on; a machine that is off is only switched on', async () => {
    const said = ['on', '', 'on', 'off', ''].map((word) => fine(`Chassis Power is ${word}`));
    const { clock, seen, power } = scripted(said);
    await clock.until(power.set(target, 'rebooting', call()));
    expect(seen.map((line) => line.slice(6))).toEqual(['power status', 'power off', 'power status', 'power status', 'power on']);
    const off = scripted([fine('Chassis Power is off')]);
    await off.power.set(target, 'soft rebooting', call());
    expect(off.seen.map((line) => line.slice(6))).toEqual(['power status', 'power on']);
  });

  it('that is not installed says which package', async () => {
    const run: Run = () => Promise.reject(Object.assign(new Error('spawn ipmitool ENOENT'), { code: 'ENOENT' }));
    const [driver] = ipmiDrivers({ clock: createFakeClock(), run });
    await expect(driver?.power?.state(target, call())).rejects.toMatchObject({
      code: 'power.no_program',
      hint: 'Install it: apt install ipmitool.',
    });
  });
});
