// Cleaning all that a machine has, as a person typed: what that leaves out.

import { expect, it } from 'vitest';
import { silentLog } from '../../../../src/lib/index.ts';
import type { JsonObject } from '../../../../src/nodes/index.ts';
import { cleanSteps, runCleanStep } from '../../../../src/power/agent-steps/clean.ts';
import { playedDesk } from '../../../support/desk.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const UUID = '4c4c4544-0042-3510-8051-b4c04f4d3232';

it('leaves alone what is plugged in from outside or read-only, also where all disks are to be erased', async () => {
  const desk = playedDesk(createFakeClock());
  const disk = (serial: string, more: JsonObject = {}): JsonObject => ({ name: `/dev/${serial}`, serial, size: 500e9, ...more });
  const outside = [disk('stick', { removable: true }), disk('usb', { transport: 'usb' }), disk('locked', { read_only: true })];
  const inside = [disk('nvme', { transport: 'nvme', removable: false }), disk('old agent')];
  desk.report(UUID, { inventory: { disks: [...outside, ...inside] }, pluginData: {} });
  const recorded = { powerState: null, bootMode: null, secureBoot: null, isConsoleOn: false, targetRaidConfig: {} };
  const infos = { driverInfo: {}, properties: {}, instanceInfo: {}, internalInfo: {} };
  const target = { uuid: UUID, name: 'pve1', driver: 'generic', macs: [], ...infos, recorded };
  const call = { signal: new AbortController().signal, log: silentLog, progress: () => undefined };
  for (const [at, step] of cleanSteps('express').slice(0, 3).entries()) {
    await runCleanStep(desk, step, target, { ...call, key: `t:${at}`, args: { disks: 'all' }, isResumed: false });
    expect(desk.placed.at(-1)?.args.disks).toMatchObject([{ serial: 'nvme' }, { serial: 'old agent' }]);
  }
});
