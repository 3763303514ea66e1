// An ISO image of the disk with one more file in its root directory, made while it is read. Checked before anybody gets it: the result is
// opened like any other image, and must have exactly the same files and the new one.

import { DecodeError, messageOf, RackseedError } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import type { IsoSource, VirtualIso } from '../seam.ts';
import { type Iso, type IsoEntry, openIso, openVolumes } from './iso.ts';
import { type AddedFile, type OverlayPlan, planOverlay } from './overlay.ts';
import { OverlayError } from './overlay-decide.ts';
import { type IsoFile, openIsoFile, readOverlay, readsOf, virtualIso } from './sources.ts';

/** As messages call what came out. */
const RESULT = 'with the file in it';
export const ADDED_MAX_BYTES = 1024 * 1024;

/** Throws install.bad_iso for an image that can't be read, install.iso_overlay_failed for one that can't have the file this way. */
export async function addFile(file: IsoFile, added: AddedFile): Promise<VirtualIso> {
  const source = await openIsoFile(file);
  try {
    return virtualIso(file, await checkedOverlay(source, { name: file.path, bytes: file.bytes }, added));
  } finally {
    await source.close();
  }
}

export interface Pristine {
  /** For messages. */
  readonly name: string;
  readonly bytes: number;
}

export async function checkedOverlay(source: IsoSource, pristine: Pristine, added: AddedFile): Promise<OverlayPlan> {
  const { name, bytes } = pristine;
  if (added.content.length > ADDED_MAX_BYTES) throw failed(pristine, `${added.name} has ${added.content.length} bytes`);
  const readAt = readsOf(source);
  const opened = await openVolumes(readAt, bytes, name);
  try {
    const plan = await planOverlay(opened, bytes, added);
    const overlaid = readsOf({ read: (into, position) => readOverlay(source, plan, into, position), close: () => Promise.resolve() });
    for (const { kind } of opened.trees) {
      const before = await openIso(readAt, bytes, { tree: kind, name });
      const after = await openIso(overlaid, plan.bytes, { tree: kind, name: RESULT });
      await check(before, after, { name: plan.names.get(kind) ?? added.name, content: added.content, bytes: plan.bytes });
    }
    return plan;
  } catch (thrown) {
    throw explained(pristine, thrown);
  }
}

interface Expected extends AddedFile {
  readonly bytes: number;
}

async function check(before: Iso, after: Iso, { name, content, bytes }: Expected): Promise<void> {
  const path = `/${name}`;
  const complain = (what: string): OverlayError => new OverlayError(`with ${name} in it, ${what} (${before.tree} names)`);
  if (after.volumeBytes !== bytes || after.volumeId !== before.volumeId || after.volumeUuid !== before.volumeUuid)
    throw complain(`the volume "${before.volumeId}" of ${bytes} bytes became "${after.volumeId}" of ${after.volumeBytes}`);
  const found = await after.find(path);
  if (found?.kind !== 'file' || found.bytes !== content.length) throw complain('the file is not there');
  if (!(await after.read(path, content.length)).equals(content)) throw complain('the file has other content');
  const [olds, news] = [others(before, path), others(after, path)];
  for (;;) {
    const [old, now] = [await olds.next(), await news.next()];
    if (old.done === true && now.done === true) return;
    if (old.done === true || now.done === true || !isSame(old.value, now.value))
      throw complain(`${old.value?.path ?? 'nothing'} became ${now.value?.path ?? 'nothing'}, or is somewhere else`);
  }
}

async function* others(iso: Iso, path: string): AsyncGenerator<IsoEntry, void, void> {
  const fold = (text: string): string => (iso.tree === 'plain' ? text.toUpperCase() : text);
  for await (const entry of iso.files()) if (fold(entry.path) !== fold(path)) yield entry;
}

function isSame(a: IsoEntry, b: IsoEntry): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** A fault of the pristine image stays one; one that is only in the result, or that only the overlay minds, is the overlay's. */
function explained(pristine: Pristine, thrown: unknown): unknown {
  const isOwnFault = thrown instanceof RackseedError && !thrown.message.startsWith(RESULT);
  const isKnown = thrown instanceof OverlayError || thrown instanceof DecodeError || thrown instanceof RackseedError;
  return isKnown && !isOwnFault ? failed(pristine, messageOf(thrown), thrown) : thrown;
}

function failed({ name }: Pristine, message: string, cause?: unknown): RackseedError {
  return fail('install.iso_overlay_failed', {
    message: `${name}: ${message}`,
    hint: 'Install xorriso, which makes a changed copy of the image instead: apt install xorriso',
    ...(cause === undefined ? {} : { cause }),
  });
}
