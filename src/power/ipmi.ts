// The ipmitool drivers: power, management and vendor of a BMC that speaks IPMI.

import type { Clock, Run } from '../lib/index.ts';
import type { Interface, JsonObject } from '../nodes/index.ts';
import { IPMI_INFO } from './bmc-info.ts';
import { fail } from './errors.ts';
import { flagIn, infoRefusal, textIn } from './info.ts';
import { decodeBootFlags, encodeBootFlags, IPMI_BOOT_DEVICES, rawBytes } from './ipmi-boot-codec.ts';
import { bmcOf, createIpmiTool, type IpmiTool } from './ipmi-tool.ts';
import type { Call, Driver, DriverStep, ManagementDriver, PowerDriver, PowerReading, Target, VendorDriver } from './seam.ts';

export interface IpmiParts {
  readonly clock: Clock;
  readonly run: Run;
}

const POLL_MS = 1000;
const LEVELS = ['ADMINISTRATOR', 'OPERATOR', 'USER', 'CALLBACK'];
const ADDRESS = /^[A-Za-z0-9_.:%-]{1,255}$/;

export function ipmiDrivers({ clock, run }: IpmiParts): readonly Driver[] {
  const tool = createIpmiTool(run, clock);
  const driver = (which: Interface, more: Partial<Driver>): Driver => ({
    interface: which,
    name: 'ipmitool',
    title: 'IPMI',
    info: IPMI_INFO,
    refusal: ipmiRefusal,
    queueKey: ({ driverInfo }) => `ipmi ${bmcOf(driverInfo)}`,
    ...more,
  });
  const vendor = ipmiVendor(tool);
  return [
    driver('power', { power: ipmiPower(tool, clock) }),
    driver('management', { management: ipmiManagement(tool) }),
    driver('vendor', {
      vendor,
      steps: SEND_RAW_STEPS,
      runStep: async (_step, target, run_) => {
        await vendor.call(target, 'send_raw', run_.args, run_);
        return {};
      },
    }),
  ];
}

export function ipmiRefusal({ driverInfo }: Target): string | null {
  const text = (key: string): string => textIn(driverInfo, key) ?? '';
  const wrong = infoRefusal(IPMI_INFO, driverInfo);
  if (wrong !== null) return wrong;
  if (!ADDRESS.test(text('ipmi_address')) || text('ipmi_address').startsWith('-'))
    return 'driver_info/ipmi_address is neither an IP address nor a host name';
  if (driverInfo.ipmi_port !== undefined && !(Number(text('ipmi_port')) >= 1 && Number(text('ipmi_port')) <= 65_535))
    return 'driver_info/ipmi_port is no UDP port';
  if (driverInfo.ipmi_priv_level !== undefined && !LEVELS.includes(text('ipmi_priv_level')))
    return `driver_info/ipmi_priv_level is none of ${LEVELS.join(', ')}`;
  if (driverInfo.ipmi_protocol_version !== undefined && !['1.5', '2.0'].includes(text('ipmi_protocol_version')))
    return 'driver_info/ipmi_protocol_version is neither 1.5 nor 2.0';
  if (driverInfo.ipmi_hex_kg_key !== undefined && !/^[0-9A-Fa-f]{40}$/.test(text('ipmi_hex_kg_key')))
    return 'driver_info/ipmi_hex_kg_key is not 40 hexadecimal digits';
  return bridgingRefusal(text);
}

function bridgingRefusal(text: (key: string) => string): string | null {
  const bridging = text('ipmi_bridging') || 'no';
  if (!['no', 'single', 'dual'].includes(bridging)) return 'driver_info/ipmi_bridging is none of no, single, dual';
  const single = ['ipmi_target_channel', 'ipmi_target_address'];
  const needed = { no: [], single, dual: [...single, 'ipmi_transit_channel', 'ipmi_transit_address'] }[bridging] ?? [];
  const missing = needed.find((key) => text(key) === '');
  if (missing !== undefined) return `driver_info lacks ${missing}, which ${bridging} bridging needs`;
  const numbers = [...needed, 'ipmi_local_address'];
  const odd = numbers.find((key) => text(key) !== '' && !/^(?:0x[0-9A-Fa-f]{1,2}|[0-9]{1,3})$/.test(text(key)));
  return odd === undefined ? null : `driver_info/${odd} is no number of one byte`;
}

function ipmiPower(tool: IpmiTool, clock: Clock): PowerDriver {
  const state = async (target: Target, call: Call): Promise<PowerReading> => {
    const said = await tool(target, ['power', 'status'], call);
    const found = /power is (on|off)/i.exec(said)?.[1]?.toLowerCase();
    if (found === 'on') return 'power on';
    if (found === 'off') return 'power off';
    throw fail('power.refused', {
      message: `ipmitool power status of node ${target.name ?? target.uuid} said neither on nor off: ${said.slice(0, 200)}`,
      hint: 'Look at the BMC itself.',
    });
  };
  const untilOff = async (target: Target, call: Call): Promise<void> => {
    while ((await state(target, call)) !== 'power off') await clock.sleep(POLL_MS, call.signal);
  };
  /** Not "power cycle": many BMCs answer it and stay off, or refuse it when they are off. */
  const restart = async (target: Target, how: 'off' | 'soft', call: Call): Promise<void> => {
    if ((await state(target, call)) === 'power on') {
      await tool(target, ['power', how], call);
      await untilOff(target, call);
    }
    await on(target, call);
  };
  const on = async (target: Target, call: Call): Promise<void> => {
    await forceBootDevice(tool, target, call);
    await tool(target, ['power', 'on'], call);
  };
  return {
    targets: ['power on', 'power off', 'rebooting', 'soft rebooting', 'soft power off'],
    state,
    set: async (target, wanted, call) => {
      if (wanted === 'power on') await on(target, call);
      else if (wanted === 'power off') await tool(target, ['power', 'off'], call);
      else if (wanted === 'soft power off') await tool(target, ['power', 'soft'], call);
      else await restart(target, wanted === 'rebooting' ? 'off' : 'soft', call);
    },
  };
}

/** Some BMCs forget a persistent device after each start; those are told again what they have just said. */
async function forceBootDevice(tool: IpmiTool, target: Target, call: Call): Promise<void> {
  if (!flagIn(target.driverInfo, 'ipmi_force_boot_device', false)) return;
  const { device, isPersistent } = await readBootDevice(tool, target, call);
  if (device !== null && isPersistent === true) await writeBootDevice(tool, target, { device, isPersistent }, call);
}

type Setting = Parameters<ManagementDriver['setBootDevice']>[1];

async function readBootDevice(tool: IpmiTool, target: Target, call: Call) {
  const printed = await tool(target, ['raw', '0x00', '0x09', '0x05', '0x00', '0x00'], call);
  const { device, isPersistent } = decodeBootFlags(printed) ?? { device: null, isPersistent: null };
  return { device, isPersistent };
}

async function writeBootDevice(tool: IpmiTool, target: Target, { device, isPersistent }: Setting, call: Call): Promise<void> {
  const flags = encodeBootFlags(device, isPersistent, isUefi(target));
  if (flags === undefined) {
    throw fail('power.bad_argument', {
      message: `Invalid boot device ${device} specified.`,
      hint: `IPMI can be told ${IPMI_BOOT_DEVICES.join(', ')}.`,
    });
  }
  // Else the BMC forgets the device when no power command follows in 60 s (parameter 3, bit 3).
  if (flagIn(target.driverInfo, 'ipmi_disable_boot_timeout', true)) await tool(target, ['raw', '0x00', '0x08', '0x03', '0x08'], call);
  const data = flags.map((byte) => `0x${byte.toString(16).padStart(2, '0')}`);
  await tool(target, ['raw', '0x00', '0x08', '0x05', ...data], call);
}

/** UEFI unless the node says otherwise, as Ironic has it. */
function isUefi({ recorded, properties, instanceInfo }: Target): boolean {
  if (recorded.bootMode !== null) return recorded.bootMode === 'uefi';
  const said = [instanceInfo.capabilities, properties.capabilities].map((one) => JSON.stringify(one ?? '')).join(' ');
  return !/boot_mode(?:"|\\")?:\s*(?:"|\\")?bios/.test(said);
}

function ipmiManagement(tool: IpmiTool): ManagementDriver {
  return {
    bootDevices: IPMI_BOOT_DEVICES,
    bootDevice: (target, call) => readBootDevice(tool, target, call),
    setBootDevice: (target, setting, call) => writeBootDevice(tool, target, setting, call),
    injectNmi: async (target, call) => {
      await tool(target, ['power', 'diag'], call);
    },
  };
}

const RAW_BYTES = {
  raw_bytes: { description: 'The bytes, such as "0x00 0x01": network function, command, data.', required: true },
} as const;

/** [lifecycle] disallow_…_steps names it: nobody runs it as a step unless the site allows it. */
const SEND_RAW_STEPS: readonly DriverStep[] = (['clean', 'deploy', 'service'] as const).map((kind) => ({
  kind,
  step: 'send_raw',
  priority: 0,
  title: 'Send raw bytes to the BMC',
  argsInfo: RAW_BYTES,
  isQueued: true,
}));

function ipmiVendor(tool: IpmiTool): VendorDriver {
  const methods: Readonly<Record<string, (target: Target, args: JsonObject, call: Call) => Promise<unknown>>> = {
    send_raw: async (target, args, call) => {
      const bytes = rawBytes(args.raw_bytes);
      if (bytes === undefined) {
        throw fail('power.bad_argument', {
          message: 'Parameter raw_bytes (string of bytes) was not specified, or is not a row of bytes such as "0x00 0x01".',
          hint: 'Write at least two bytes, 0x00 to 0xff, with a space between.',
        });
      }
      await tool(target, ['raw', ...bytes], call);
      return null;
    },
    bmc_reset: async (target, args, call) => {
      await tool(target, ['bmc', 'reset', args.warm === false || args.warm === 'false' ? 'cold' : 'warm'], call);
      return null;
    },
  };
  return {
    methods: {
      send_raw: { httpMethods: ['POST'], description: "Send raw bytes to the BMC. Required argument: 'raw_bytes' - a string of bytes." },
      bmc_reset: {
        httpMethods: ['POST'],
        description: "Reset the BMC. Optional argument: 'warm' - false for a cold reset. Default: true.",
      },
    },
    call: async (target, method, args, call) => {
      const found = Object.hasOwn(methods, method) ? methods[method] : undefined;
      if (found !== undefined) return found(target, args, call);
      throw fail('power.bad_argument', {
        message: `No handler for method ${method.slice(0, 64)}`,
        hint: `There are ${Object.keys(methods).join(', ')}.`,
      });
    },
  };
}
