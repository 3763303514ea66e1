// Which of the disks of the wipe plan a deployment has written: the one of the image, and no other.

import { expect, it } from 'vitest';
import { silentLog } from '../../../../src/lib/index.ts';
import type { JsonObject } from '../../../../src/nodes/index.ts';
import { agentDeploys } from '../../../../src/power/agent-steps/deploy.ts';
import { NO_IMAGES } from '../../../../src/power/agent-steps/images.ts';
import { playedDesk } from '../../../support/desk.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const UUID = '4c4c4544-0042-3510-8051-b4c04f4d3232';
const DISKS = ['one', 'two'].map((serial, at) => ({ name: `/dev/${serial}`, model: 'Disk', serial, size: (2 - at) * 50e9 }));

it('says that the image wrote its own disk of the plan, and a config drive that is not wanted none', async () => {
  const desk = playedDesk(createFakeClock());
  desk.report(UUID, { inventory: { disks: DISKS }, pluginData: {} });
  const [direct] = agentDeploys({ desk, images: NO_IMAGES, cleaning: 'express' });
  const disks = DISKS.map(({ serial, size }) => ({ serial, wwn: null, size, byPath: null, expects: ['table gpt'], title: serial }));
  const instanceInfo: JsonObject = { image_source: 'http://images/a.qcow2', image_checksum: 'ab'.repeat(32) };
  const recorded = { powerState: null, bootMode: null, secureBoot: null, isConsoleOn: false, targetRaidConfig: {} };
  const target = { uuid: UUID, name: 'n', driver: 'd', macs: [], driverInfo: {}, properties: {}, instanceInfo, internalInfo: {}, recorded };
  const call = { signal: new AbortController().signal, log: silentLog, progress: () => undefined, isResumed: false, args: { disks } };
  const step = (name: string) => direct?.steps?.find((one) => one.step === name) ?? expect.unreachable();
  const image = { ...call, key: 't:0' };
  expect(await direct?.runStep?.(step('write_image'), target, image)).toBe('wait');
  const sent = desk.placed[0]?.args.disk as JsonObject; // a ref
  desk.settle(UUID, 't:0', { state: 'done', message: '', result: { disk: sent.title ?? '' } });
  const done = await direct?.continueStep?.(step('write_image'), target, { ...image, word: { status: 'end' } });
  expect(done).toMatchObject({ wrote: [1], result: { disk: sent.title } });
  expect(await direct?.runStep?.(step('write_configdrive'), target, { ...call, key: 't:1' })).toEqual({ wrote: [] });
});

it('writes the config drive to the disk of the image, also where another one is called the same, and to none when that is gone', async () => {
  const desk = playedDesk(createFakeClock());
  // Two namespaces of one drive: what is printed on it is printed on both.
  const space = (wwn: string): JsonObject => ({ name: `/dev/${wwn}`, model: 'NVMe', serial: 'N1', wwn, size: 50e9, by_path: wwn });
  desk.report(UUID, { inventory: { disks: [space('eui.1'), space('eui.2')] }, pluginData: {} });
  const [direct] = agentDeploys({ desk, images: NO_IMAGES, cleaning: 'express' });
  const disks = ['eui.1', 'eui.2'].map((wwn) => ({ serial: 'N1', wwn, size: 50e9, byPath: wwn, expects: [], title: wwn }));
  const instanceInfo: JsonObject = {
    image_source: 'http://images/a.qcow2',
    image_checksum: 'ab'.repeat(32),
    configdrive: {},
    root_device: { wwn: 'eui.2' },
  };
  const recorded = { powerState: null, bootMode: null, secureBoot: null, isConsoleOn: false, targetRaidConfig: {} };
  const target = { uuid: UUID, name: 'n', driver: 'd', macs: [], driverInfo: {}, properties: {}, instanceInfo, internalInfo: {}, recorded };
  const touched: unknown[] = [];
  const call = {
    signal: new AbortController().signal,
    log: silentLog,
    progress: () => undefined,
    isResumed: false,
    args: { disks },
    touches: async (touch: unknown) => void touched.push(touch),
  };
  const step = (name: string) => direct?.steps?.find((one) => one.step === name) ?? expect.unreachable();
  await direct?.runStep?.(step('write_image'), target, { ...call, key: 't:0' });
  const sent = desk.placed[0]?.args.disk as JsonObject; // a ref
  expect(sent).toMatchObject({ wwn: 'eui.2' });
  const on = { serial: 'N1', wwn: 'eui.2', size: 50e9, byPath: 'eui.2' };
  desk.settle(UUID, 't:0', { state: 'done', message: '', result: { disk: sent.title ?? '', on, holds: ['table gpt x'] } });
  const done = await direct?.continueStep?.(step('write_image'), target, { ...call, key: 't:0', word: { status: 'end' } });
  expect(done).toMatchObject({ wrote: [1] });
  await direct?.runStep?.(step('write_configdrive'), target, { ...call, key: 't:1' });
  expect(desk.placed[1]?.args.disk).toMatchObject({ wwn: 'eui.2', expects: ['table gpt x'] });
  expect(touched).toEqual([{ at: [1] }, { at: [1] }]);
  desk.report(UUID, { inventory: { disks: [space('eui.1')] }, pluginData: {} });
  for (const name of ['write_configdrive', 'boot_instance'])
    await expect(direct?.runStep?.(step(name), target, { ...call, key: 't:2' })).rejects.toThrow('that disk is not there any more');
  expect(desk.placed).toHaveLength(2);
});
