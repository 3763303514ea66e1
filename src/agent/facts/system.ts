// What the firmware calls the machine, and the cards in it. Pure.

import { cleanDmiText, cleanSerial, cleanSmbiosUuid } from '../../inspect/identity.ts';
import { INVENTORY_LIMITS, type PluginData, type SystemVendor } from '../../inspect/inventory.ts';

/** Files of /sys/class/dmi/id; the serial and the UUID are for root only. */
export const DMI_FILES = [
  'sys_vendor',
  'product_name',
  'product_serial',
  'product_uuid',
  'board_vendor',
  'board_name',
  'board_serial',
  'bios_vendor',
  'bios_version',
  'bios_date',
] as const;

export type DmiTexts = Readonly<Record<(typeof DMI_FILES)[number], string | null>>;

/** White-box mini-PCs often name only their board: better than nothing, and the serial with it. */
export function systemVendorOf(dmi: DmiTexts): SystemVendor {
  return {
    manufacturer: cleanDmiText(dmi.sys_vendor) ?? cleanDmiText(dmi.board_vendor),
    product_name: cleanDmiText(dmi.product_name) ?? cleanDmiText(dmi.board_name),
    serial_number: cleanSerial(dmi.product_serial) ?? cleanSerial(dmi.board_serial),
    uuid: cleanSmbiosUuid(dmi.product_uuid),
    firmware: { vendor: cleanDmiText(dmi.bios_vendor), version: cleanDmiText(dmi.bios_version), build_date: cleanDmiText(dmi.bios_date) },
  };
}

/** /proc/bus/pci/devices: bus and function in hex, then vendor and device in one word. */
export function parsePciDevices(text: string): PluginData['pci_devices'] {
  return text
    .split('\n')
    .map((line) => /^([0-9a-f]{2})([0-9a-f]{2})\t([0-9a-f]{4})([0-9a-f]{4})\t/.exec(line))
    .flatMap((match) => {
      const [, bus, slot, vendor_id, product_id] = match ?? [];
      if (bus === undefined || slot === undefined || vendor_id === undefined || product_id === undefined) return [];
      const number = Number.parseInt(slot, 16);
      return [{ bus: `${bus}:${(number >> 3).toString(16).padStart(2, '0')}.${number & 7}`, vendor_id, product_id }];
    })
    .slice(0, INVENTORY_LIMITS.pciDevices);
}
