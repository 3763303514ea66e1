import { describe, expect, it } from 'vitest';
import { NO_NAMES } from '../../../src/boot/decide/facts.ts';
import { chooseOwnDisk, needsLoader, OWN_DISK_WAYS, ownDiskSteps, readOwnDisk } from '../../../src/boot/decide/own-disk-decide.ts';
import type { Config } from '../../../src/config/index.ts';

const config: Config['boot'] = {
  uefi_loader: 'auto',
  own_disk: 'auto',
  own_disk_path: '\\EFI\\site\\a.efi',
  model: [
    { manufacturer: 'Dell*', product: 'OptiPlex 30*', own_disk: 'exit' },
    { manufacturer: 'Dell*', own_disk: 'chain', own_disk_path: '\\EFI\\dell\\b.efi' },
  ],
};
const dell = { manufacturer: 'Dell Inc.', product: 'OptiPlex 3060', serial: null };

describe('the way to the own disk', () => {
  it("is the site's, where neither node nor model has one", () =>
    expect(chooseOwnDisk({ own: null, names: NO_NAMES, config })).toEqual({
      way: 'auto',
      path: '\\EFI\\site\\a.efi',
      by: 'boot.own_disk',
    }));

  it("is the first model's that fits", () => {
    expect(chooseOwnDisk({ own: null, names: dell, config })).toMatchObject({ way: 'exit', path: '\\EFI\\site\\a.efi' });
    expect(chooseOwnDisk({ own: null, names: { ...dell, product: 'X' }, config })).toMatchObject({
      way: 'chain',
      path: '\\EFI\\dell\\b.efi',
    });
  });

  it("is the node's own before all, each part for itself", () => {
    const own = readOwnDisk('sanboot', undefined);
    expect(chooseOwnDisk({ own, names: dell, config })).toMatchObject({ way: 'sanboot', by: "the node's driver_info" });
    expect(chooseOwnDisk({ own: readOwnDisk(undefined, '\\EFI\\me\\c.efi'), names: dell, config })).toMatchObject({
      way: 'exit',
      path: '\\EFI\\me\\c.efi',
    });
    expect(chooseOwnDisk({ own: readOwnDisk('nonsense', 'x y\n'), names: dell, config })).toMatchObject({ way: 'exit' });
  });

  it('needs a loader of ours only where somebody said so', () =>
    expect(OWN_DISK_WAYS.filter((way) => needsLoader({ way, path: null, by: '' }))).toEqual(['exit', 'sanboot', 'chain']));

  it('ends with the turn back to the firmware, whatever the way and platform', () => {
    for (const way of OWN_DISK_WAYS)
      for (const platform of ['efi', 'pcbios', null])
        expect(ownDiskSteps({ way, path: null, by: '' }, platform).at(-1)).toEqual({ step: 'exit' });
  });
});
