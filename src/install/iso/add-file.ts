// An ISO image of the disk with one more file in its root directory, made while it is read. Checked before anybody gets it: the result is
// opened like any other image, and must have exactly the same files and the new one.

import { messageOf, RackseedError } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import type { VirtualIso } from '../seam.ts';
import { type Iso, type IsoEntry, openIso, openVolumes } from './iso.ts';
import { type AddedFile, planOverlay } from './overlay.ts';
import { OverlayError } from './overlay-decide.ts';
import { type IsoFile, openIsoFile, readOverlay, readsOf, virtualIso } from './sources.ts';

export const ADDED_MAX_BYTES = 1024 * 1024;

/** Throws install.bad_iso for an image that can't be read, install.iso_overlay_failed for one that can't have the file this way. */
export async function addFile(file: IsoFile, added: AddedFile): Promise<VirtualIso> {
  if (added.content.length > ADDED_MAX_BYTES) throw failed(file, `${added.name} has ${added.content.length} bytes`);
  const source = await openIsoFile(file);
  try {
    const readAt = readsOf(source);
    const opened = await openVolumes(readAt, file.bytes, file.path);
    const plan = await planOverlay(opened, file.bytes, added);
    const overlaid = readsOf({ read: (into, position) => readOverlay(source, plan, into, position), close: () => Promise.resolve() });
    for (const { kind } of opened.trees) {
      const before = await openIso(readAt, file.bytes, { tree: kind, name: file.path });
      const after = await openIso(overlaid, plan.bytes, { tree: kind });
      await check(before, after, { name: plan.names.get(kind) ?? added.name, content: added.content, bytes: plan.bytes });
    }
    return virtualIso(file, plan);
  } catch (thrown) {
    throw explained(file, thrown);
  } finally {
    await source.close();
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

/** What the pristine image says of itself was read before: a fault that is only in the result is the overlay's. */
function explained(file: IsoFile, thrown: unknown): unknown {
  if (thrown instanceof RackseedError && thrown.code === 'install.bad_iso' && thrown.message.startsWith(file.path)) return thrown;
  return thrown instanceof OverlayError || thrown instanceof RackseedError ? failed(file, messageOf(thrown), thrown) : thrown;
}

function failed({ path }: IsoFile, message: string, cause?: unknown): RackseedError {
  return fail('install.iso_overlay_failed', {
    message: `${path}: ${message}`,
    hint: 'Install xorriso, which makes a changed copy of the image instead: apt install xorriso',
    ...(cause === undefined ? {} : { cause }),
  });
}
