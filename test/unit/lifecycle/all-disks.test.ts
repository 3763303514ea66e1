// "All disks", as a person types it: which those are, and what happens to those that come later.

import { expect, it } from 'vitest';
import { newcomers, typedDisks } from '../../../src/lifecycle/all-disks-decide.ts';
import type { JsonObject } from '../../../src/nodes/index.ts';

const disk = (serial: string | null, more: JsonObject = {}): JsonObject => ({
  name: `/dev/${serial ?? 'vda'}`,
  serial,
  wwn: null,
  by_path: null,
  size: 500e9,
  ...more,
});
const report = (disks: JsonObject[], contents: JsonObject[] = []) => ({ inventory: { disks }, pluginData: { disk_contents: contents } });

it('leaves alone what is plugged in from outside or read-only', () => {
  const outside = [disk('stick', { removable: true }), disk('usb', { transport: 'usb' }), disk('locked', { read_only: true })];
  const inside = [disk('nvme', { transport: 'nvme', removable: false }), disk('old agent')];
  expect(typedDisks(report([...outside, ...inside]))).toMatchObject([
    { serial: 'nvme', expects: null },
    { serial: 'old agent', expects: null },
  ]);
});

it('means a disk without a name of its own only with what was on it', () => {
  const contents = {
    name: '/dev/vda',
    serial: null,
    wwn: null,
    size: 500e9,
    table: 'gpt',
    tableUuid: 'x',
    partitions: [],
    signatures: [],
    system: null,
    isBlank: false,
    unread: null,
  };
  const bare = disk(null, { by_path: 'pci-1' });
  expect(typedDisks(report([bare], [contents]))).toMatchObject([{ serial: null, byPath: 'pci-1', expects: ['table gpt x'] }]);
  expect(typedDisks(report([bare]))).toMatchObject([{ expects: [] }]);
  expect(typedDisks(report([bare], [{ ...contents, unread: 'I/O error' }]))).toMatchObject([{ expects: [] }]);
});

it('knows a disk that came later by its name, and not by what the kernel calls it', () => {
  const typed = typedDisks(report([disk('S1'), disk('S2')]));
  expect(newcomers(typed, report([disk('S2', { name: '/dev/S1' }), disk('S1', { name: '/dev/S2' })]))).toEqual([]);
  expect(newcomers(typed, report([disk('S1'), disk('S3', { name: '/dev/S2' }), disk('usb', { transport: 'usb' })]))).toEqual([
    'disk, 500 GB (serial S3)',
  ]);
});
