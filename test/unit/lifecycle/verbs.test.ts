// Each verb from its beginning to its end, on fake machines.

import { expect, it } from 'vitest';
import { systemClock } from '../../../src/lib/index.ts';
import { openWorld } from './world.ts';

it('goes from enroll through manageable and available to active, and back', async () => {
  const world = await openWorld({ clock: systemClock });
  await world.enrol('pve1');
  const verified = await world.ask('pve1', 'manage');
  expect(verified).toMatchObject({ provisionState: 'manageable', targetProvisionState: null, powerState: 'power off', lastError: null });
  expect(await world.ask('pve1', 'provide')).toMatchObject({ provisionState: 'available', cleanStep: {}, driverInternalInfo: {} });
  const active = await world.ask('pve1', 'active');
  expect(active).toMatchObject({ provisionState: 'active', powerState: 'power on', deployStep: {}, targetPowerState: null });
  const back = await world.ask('pve1', 'deleted');
  expect(back).toMatchObject({ provisionState: 'available', powerState: 'power off', instanceInfo: {} });
});
