// The rest of a machine: USB devices, temperatures, TPM, virtualisation, BMC, clock; from files of sysfs and `ipmitool lan print`. Pure.

import { FACT_LIMITS, type Facts, type Sensor, type Usb } from '../../inspect/facts.ts';
import { cleanDmiText } from '../../inspect/identity.ts';

/** Files of one /sys/bus/usb/devices/NAME. */
export interface UsbFiles {
  readonly name: string;
  readonly idVendor: string | null;
  readonly idProduct: string | null;
  readonly manufacturer: string | null;
  readonly product: string | null;
}

/** Root hubs are part of the controller, which is a PCI device. */
export function usbOf(devices: readonly UsbFiles[]): Usb[] {
  return devices
    .flatMap(({ name, idVendor, idProduct, manufacturer, product }) => {
      const [vendor, id] = [idVendor, idProduct].map((one) => /^[0-9a-f]{4}$/.exec(one?.trim() ?? '')?.[0]);
      if (vendor === undefined || id === undefined || vendor === '1d6b') return [];
      return [
        {
          bus: name.slice(0, 256),
          vendor_id: vendor,
          product_id: id,
          manufacturer: cleanDmiText(manufacturer),
          product: cleanDmiText(product),
        },
      ];
    })
    .sort((a, b) => (a.bus < b.bus ? -1 : 1))
    .slice(0, FACT_LIMITS.usb);
}

/** Files of one /sys/class/hwmon/hwmonN: `name`, and temp1_input, temp1_label, temp1_max, temp1_crit … in thousandths of a degree. */
export function sensorsOf(chips: readonly ReadonlyMap<string, string>[]): Sensor[] {
  return chips.flatMap(sensorsIn).slice(0, FACT_LIMITS.sensors);
}

function sensorsIn(files: ReadonlyMap<string, string>): Sensor[] {
  const chip = cleanDmiText(files.get('name')) ?? 'unknown';
  return [...files.keys()].flatMap((file) => {
    const prefix = /^(temp\d+)_input$/.exec(file)?.[1];
    const celsius = prefix === undefined ? null : degrees(files.get(file));
    // A sensor that is not wired reads as an end of its scale.
    if (prefix === undefined || celsius === null || celsius < -40 || celsius > 200) return [];
    const label = cleanDmiText(files.get(`${prefix}_label`)) ?? prefix;
    return [{ sensor: chip, label, celsius, max: degrees(files.get(`${prefix}_max`)), critical: degrees(files.get(`${prefix}_crit`)) }];
  });
}

function degrees(text: string | undefined): number | null {
  const value = Number(text?.trim() === '' ? Number.NaN : text);
  return Number.isFinite(value) && Math.abs(value) < 1e9 ? value / 1000 : null;
}

/** `tpm_version_major` of /sys/class/tpm/tpm0; a 1.2 chip's driver has `caps` instead. Undefined: there is none. */
export function tpmOf(chips: readonly { readonly versionMajor: string | null }[]): NonNullable<Facts['tpm']> {
  const [chip] = chips;
  if (chip === undefined) return { present: false, version: null };
  const major = chip.versionMajor?.trim();
  return { present: true, version: major === '2' ? '2.0' : major === '1' ? '1.2' : null };
}

/** `iommus`: names in /sys/class/iommu. Firmware that has it switched off shows none, and hides vmx from the processor's flags. */
export function virtualizationOf(flags: readonly string[], iommus: readonly string[]): NonNullable<Facts['virtualization']> {
  return { cpu: flags.includes('vmx') ? 'vmx' : flags.includes('svm') ? 'svm' : 'none', iommu: iommus.length > 0 };
}

/** `ipmitool lan print`; undefined where the channel has neither. */
export function parseLanPrint(text: string): Facts['bmc'] {
  const of = (key: string): string | undefined => new RegExp(`^${key}\\s+: (\\S+)\\s*$`, 'm').exec(text)?.[1];
  const address = of('IP Address');
  const mac = of('MAC Address')?.toLowerCase();
  const isAddress = address !== undefined && /^\d{1,3}(\.\d{1,3}){3}$/.test(address) && address !== '0.0.0.0';
  const isMac = mac !== undefined && /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac) && mac !== '00:00:00:00:00:00';
  return isAddress || isMac ? { address: isAddress ? address : null, mac: isMac ? mac : null } : undefined;
}

/** By /sys/class/rtc/rtc0/since_epoch, in whole seconds, against what the appliance's clock shows now. */
export function clockOf(sinceEpoch: string | null, applianceMs: number | undefined): Facts['clock'] {
  const seconds = Number(sinceEpoch?.trim() ?? '');
  if (!(seconds > 0) || applianceMs === undefined) return undefined;
  return { ahead_seconds: Math.round(seconds - applianceMs / 1000) };
}
