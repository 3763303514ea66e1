// The next boot is from the network, where that can be told. Knows no verbs.

import type { Node } from '../nodes/index.ts';
import { callOf, type Work } from './work.ts';

export async function networkNext(work: Work, node: Node): Promise<void> {
  const { management } = work.deps.gateway.registry.driverOf(node, 'management');
  // A machine without such a setting must have the network first in its firmware.
  if (management?.bootDevices.includes('pxe') !== true) return;
  await work.deps.gateway.ask(
    node,
    {
      which: 'management',
      what: 'setting the boot device to pxe',
      kind: 'write',
      ask: (driver, target, call) => driver.management?.setBootDevice(target, { device: 'pxe', isPersistent: false }, call),
    },
    callOf(work),
  );
}
