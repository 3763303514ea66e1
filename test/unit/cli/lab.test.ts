import { describe, expect, it } from 'vitest';
import { labMachine } from '../../../src/cli/commands/lab.ts';

describe('the virtual machine of rackseed lab', () => {
  it('is the same machine each time, by MAC and UUID', () => {
    expect(labMachine('mini-uefi', 'uefi', 1)).toEqual(labMachine('mini-uefi', 'uefi', 1));
    expect(labMachine('mini-uefi', 'uefi', 1)).toMatchObject({
      mac: expect.stringMatching(/^52:54:00(:[0-9a-f]{2}){3}$/) as unknown,
      smbiosUuid: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/) as unknown,
      nics: [],
    });
  });

  it('has as many ports as asked, each with a MAC and a cable of its own', () => {
    const { mac, tap, nics = [] } = labMachine('mini-bios', 'bios', 3);
    const ports = [{ mac, tap }, ...nics];
    expect(ports.map((port) => port.tap)).toEqual(['tap0', 'tap1', 'tap2']);
    expect(new Set(ports.map((port) => port.mac)).size).toBe(3);
  });
});
