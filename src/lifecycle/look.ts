// What a machine says of itself through its BMC, read when somebody begins to look after it and after what changes it: power, boot mode,
// BIOS settings, firmware. What can not be read is left as it was known: only the power state must be had.

import { messageOf } from '../lib/index.ts';
import type { Interface, Node, NodeChanges } from '../nodes/index.ts';
import type { Question } from '../power/index.ts';
import { callOf, SYSTEM, type Work } from './work.ts';

export async function readPower(work: Work, node: Node): Promise<void> {
  const reading = await work.deps.gateway.powerState(node, callOf(work));
  if (reading !== node.powerState) await keep(work, { powerState: reading });
}

/** As Ironic does when a node is verified. */
export async function readAll(work: Work, node: Node): Promise<void> {
  const powerState = await work.deps.gateway.powerState(node, callOf(work));
  const { management } = work.deps.gateway.registry.driverOf(node, 'management');
  const bootMode =
    management?.bootMode === undefined
      ? undefined
      : await tried(work, node, 'management', 'reading the boot mode', (driver, target, call) =>
          driver.management?.bootMode?.(target, call),
        );
  const secureBoot =
    management?.secureBoot === undefined
      ? undefined
      : await tried(work, node, 'management', 'reading secure boot', (driver, target, call) =>
          driver.management?.secureBoot?.(target, call),
        );
  const changes: NodeChanges = {
    ...(powerState === node.powerState ? {} : { powerState }),
    ...(bootMode === undefined || bootMode === node.bootMode ? {} : { bootMode }),
    ...(secureBoot === undefined || secureBoot === node.secureBoot ? {} : { secureBoot }),
  };
  if (Object.keys(changes).length > 0) await keep(work, changes);
  await readBios(work, node);
  await readFirmware(work, node);
}

/** After a step of that interface. */
export async function readAfter(work: Work, node: Node, which: Interface): Promise<void> {
  if (which === 'bios') await readBios(work, node);
  if (which === 'firmware') await readFirmware(work, node);
}

async function readBios(work: Work, node: Node): Promise<void> {
  if (work.deps.gateway.registry.driverOf(node, 'bios').bios === undefined) return;
  const found = await tried(work, node, 'bios', 'reading BIOS settings', (driver, target, call) => driver.bios?.settings(target, call));
  if (found === undefined) return;
  const settings = found.map(({ name, value, registry }) => ({ name, value, registry: registry ?? {} }));
  await work.context.transaction((tx) => work.deps.records.hardware.saveBios(tx, node.uuid, settings));
}

async function readFirmware(work: Work, node: Node): Promise<void> {
  if (work.deps.gateway.registry.driverOf(node, 'firmware').firmware === undefined) return;
  const found = await tried(work, node, 'firmware', 'reading firmware versions', (driver, target, call) =>
    driver.firmware?.components(target, call),
  );
  if (found !== undefined) await work.context.transaction((tx) => work.deps.records.hardware.saveFirmware(tx, node.uuid, found));
}

async function tried<T>(work: Work, node: Node, which: Interface, what: string, ask: Question<T>['ask']): Promise<T | undefined> {
  try {
    return await work.deps.gateway.ask(node, { which, what, kind: 'read', ask }, callOf(work));
  } catch (error) {
    work.context.signal.throwIfAborted();
    work.context.log(`${what} failed, what was known stays: ${messageOf(error)}`, 'err');
    return undefined;
  }
}

async function keep(work: Work, changes: NodeChanges): Promise<void> {
  await work.context.transaction(async (tx) => {
    const now = await work.deps.nodes.get(work.uuid, tx);
    await work.deps.nodes.update(tx, now, changes, SYSTEM);
  });
}
