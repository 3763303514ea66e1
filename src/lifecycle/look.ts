// What a machine says of itself through its BMC, read when somebody begins to look after it and after what changes it: power, boot mode,
// BIOS settings, firmware. What can not be read is left as it was known: only the power state must be had.

import { messageOf } from '../lib/index.ts';
import type { Interface, Node, NodeChanges } from '../nodes/index.ts';
import type { Driver, Question } from '../power/index.ts';
import { callOf, SYSTEM, type Work } from './work.ts';

export async function readPower(work: Work, node: Node): Promise<void> {
  const powerState = await work.deps.gateway.powerState(node, callOf(work));
  await keep(work, { changes: changed(node, { powerState }) });
}

/** As Ironic does when a node is verified. */
export async function readAll(work: Work, node: Node): Promise<void> {
  const powerState = await work.deps.gateway.powerState(node, callOf(work));
  const bootMode = await tried(work, node, BOOT_MODE);
  const secureBoot = await tried(work, node, SECURE_BOOT);
  const bios = await tried(work, node, BIOS);
  const firmware = await tried(work, node, FIRMWARE);
  await keep(work, { changes: changed(node, { powerState, bootMode, secureBoot }), bios, firmware });
}

/** After a step of that interface. */
export async function readAfter(work: Work, node: Node, which: Interface): Promise<void> {
  if (which === 'bios') await keep(work, { bios: await tried(work, node, BIOS) });
  if (which === 'firmware') await keep(work, { firmware: await tried(work, node, FIRMWARE) });
}

interface Reading<T> extends Pick<Question<T>, 'which' | 'what' | 'ask'> {
  readonly isThere: (driver: Driver) => boolean;
}

const BOOT_MODE: Reading<string | null> = {
  which: 'management',
  what: 'reading the boot mode',
  isThere: ({ management }) => management?.bootMode !== undefined,
  ask: ({ management }, target, call) => management?.bootMode?.(target, call),
};
const SECURE_BOOT: Reading<boolean | null> = {
  which: 'management',
  what: 'reading secure boot',
  isThere: ({ management }) => management?.secureBoot !== undefined,
  ask: ({ management }, target, call) => management?.secureBoot?.(target, call),
};
const BIOS = {
  which: 'bios',
  what: 'reading BIOS settings',
  isThere: ({ bios }: Driver) => bios !== undefined,
  ask: ({ bios }, target, call) => bios?.settings(target, call),
} satisfies Reading<Settings>;
const FIRMWARE = {
  which: 'firmware',
  what: 'reading firmware versions',
  isThere: ({ firmware }: Driver) => firmware !== undefined,
  ask: ({ firmware }, target, call) => firmware?.components(target, call),
} satisfies Reading<Components>;

type Settings = Awaited<ReturnType<NonNullable<Driver['bios']>['settings']>>;
type Components = Awaited<ReturnType<NonNullable<Driver['firmware']>['components']>>;

async function tried<T>(work: Work, node: Node, { which, what, isThere, ask }: Reading<T>): Promise<T | undefined> {
  if (!isThere(work.deps.gateway.registry.driverOf(node, which))) return undefined;
  try {
    return await work.deps.gateway.ask(node, { which, what, kind: 'read', ask }, callOf(work));
  } catch (error) {
    work.context.signal.throwIfAborted();
    work.context.log(`${what} failed, what was known stays: ${messageOf(error)}`, 'err');
    return undefined;
  }
}

type Read = Pick<Node, 'bootMode' | 'secureBoot' | 'powerState'>;

/** What is not as it was known. */
function changed(node: Node, read: { readonly [F in keyof Read]?: Read[F] | undefined }): NodeChanges {
  const { powerState, bootMode, secureBoot } = read;
  return {
    ...(powerState === undefined || powerState === node.powerState ? {} : { powerState }),
    ...(bootMode === undefined || bootMode === node.bootMode ? {} : { bootMode }),
    ...(secureBoot === undefined || secureBoot === node.secureBoot ? {} : { secureBoot }),
  };
}

interface Found {
  readonly changes?: NodeChanges;
  readonly bios?: Settings | undefined;
  readonly firmware?: Components | undefined;
}

/** One transaction, and none where there is nothing to write. */
async function keep(work: Work, { changes = {}, bios, firmware }: Found): Promise<void> {
  const hasChanges = Object.keys(changes).length > 0;
  if (!hasChanges && bios === undefined && firmware === undefined) return;
  const { nodes, records } = work.deps;
  await work.context.transaction(async (tx) => {
    if (hasChanges) await nodes.update(tx, await nodes.get(work.uuid, tx), changes, SYSTEM);
    const settings = bios?.map(({ name, value, registry }) => ({ name, value, registry: registry ?? {} }));
    if (settings !== undefined) await records.hardware.saveBios(tx, work.uuid, settings);
    if (firmware !== undefined) await records.hardware.saveFirmware(tx, work.uuid, firmware);
  });
}
