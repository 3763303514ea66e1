// A fake machine's BMC beside its power: boot settings, virtual media, NMI and console. Remembers what it was told.

import type { JsonObject } from '../../nodes/index.ts';
import { fail } from '../errors.ts';
import { BOOT_DEVICES, type BootDevice, type BootDeviceSetting, type ConsoleDriver, type ManagementDriver } from '../seam.ts';
import type { FakeMachine } from './machine.ts';

const DEVICES: readonly BootDevice[] = ['pxe', 'disk', 'cdrom', 'bios', 'safe'];

export function fakeManagement(machine: FakeMachine): ManagementDriver {
  return {
    bootDevices: DEVICES,
    bootDevice: async (target, call) => {
      await machine.act(target, call, 'management', 'boot_device');
      return deviceIn(await machine.recall(target));
    },
    setBootDevice: async (target, { device, isPersistent }, call) => {
      if (!DEVICES.includes(device)) {
        throw fail('power.bad_argument', {
          message: `Invalid boot device ${device} specified.`,
          hint: `The machine can boot from ${DEVICES.join(', ')}.`,
        });
      }
      await machine.act(target, call, 'management', 'set_boot_device');
      await machine.remember(target, { bootDevice: device, isPersistent });
    },
    bootMode: async (target, call) => {
      await machine.act(target, call, 'management', 'boot_mode');
      const mode = (await machine.recall(target)).bootMode;
      return typeof mode === 'string' ? mode : target.recorded.bootMode;
    },
    setBootMode: async (target, mode, call) => {
      await machine.act(target, call, 'management', 'set_boot_mode');
      await machine.remember(target, { bootMode: mode });
    },
    secureBoot: async (target, call) => {
      await machine.act(target, call, 'management', 'secure_boot');
      const isOn = (await machine.recall(target)).secureBoot;
      return typeof isOn === 'boolean' ? isOn : target.recorded.secureBoot;
    },
    setSecureBoot: async (target, isOn, call) => {
      await machine.act(target, call, 'management', 'set_secure_boot');
      await machine.remember(target, { secureBoot: isOn });
    },
    injectNmi: async (target, call) => {
      await machine.act(target, call, 'management', 'inject_nmi');
    },
    attachMedia: async (target, { deviceType, imageUrl }, call) => {
      await machine.act(target, call, 'management', 'attach_media');
      await machine.remember(target, { media: { ...mediaIn(await machine.recall(target)), [deviceType]: imageUrl } });
    },
    detachMedia: async (target, deviceType, call) => {
      await machine.act(target, call, 'management', 'detach_media');
      const { [deviceType]: _, ...others } = mediaIn(await machine.recall(target));
      await machine.remember(target, { media: others });
    },
  };
}

export function fakeConsole(machine: FakeMachine): ConsoleDriver {
  return {
    console: async (target, call) => {
      await machine.act(target, call, 'console', 'get');
      return { type: 'fake', url: `fake://${target.uuid}` };
    },
    setConsole: async (target, _isOn, call) => {
      await machine.act(target, call, 'console', 'set');
    },
  };
}

function deviceIn({ bootDevice, isPersistent }: JsonObject): BootDeviceSetting {
  // Ironic's fake machines boot from the network, for once, until they are told otherwise.
  const device = BOOT_DEVICES.find((one) => one === bootDevice) ?? 'pxe';
  return { device, isPersistent: isPersistent === true };
}

function mediaIn({ media }: JsonObject): JsonObject {
  return typeof media === 'object' && media !== null && !Array.isArray(media) ? (media as JsonObject) : {}; // by the test
}
