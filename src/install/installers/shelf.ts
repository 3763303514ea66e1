// The imported installers as they lie on the disk: a directory each, by the SHA-256 of the ISO. What is not whole is not there.

import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { Check as fits } from 'typebox/value';
import { systemCode } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import { type Installer, type InstallerFile, PRODUCTS, type Product } from '../seam.ts';
import { compareEditions } from './cd-info-codec.ts';
import { flush, sizeOf, writeNew } from './disk-files.ts';

export const FILE_NAMES = { iso: 'installer.iso', kernel: 'linux26', initrd: 'initrd.img', entry: 'installer.json' } as const;
export const INSTALLERS_MAX = 64;

const ID = /^[0-9a-f]{64}$/;
const file = Type.Object({ bytes: Type.Integer({ minimum: 0 }), sha256: Type.String({ pattern: ID.source }) });
const entrySchema = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 128 }),
  product: Type.Enum([...PRODUCTS]),
  title: Type.String({ maxLength: 128 }),
  release: Type.String({ maxLength: 32 }),
  isoRelease: Type.String({ maxLength: 32 }),
  iso: file,
  kernel: file,
  initrd: file,
  carrier: Type.Union([Type.Literal('overlay'), Type.Literal('remaster'), Type.Null()]),
  problem: Type.Union([Type.String(), Type.Null()]),
  /** What a later look found wrong with its files. */
  fault: Type.Union([Type.String(), Type.Null()]),
  addedAt: Type.Integer({ minimum: 0 }),
});
export type Entry = Static<typeof entrySchema>;

export interface Shelf {
  /** By product, the newest first. */
  list(): Promise<readonly Installer[]>;
  find(wanted: string): Promise<Installer>;
  newest(product: Product): Promise<Installer | undefined>;
  /** Makes the draft directory an installer, in one step. */
  put(draft: string, entry: Entry): Promise<Installer>;
  setFault(id: string, fault: string | null): Promise<void>;
  remove(id: string): Promise<void>;
}

export function installerDirectory(dataDir: string): string {
  return join(dataDir, 'installers');
}

export function createShelf(directory: string): Shelf {
  const list = async (): Promise<readonly Installer[]> => {
    const found: Installer[] = [];
    for (const id of await names(directory)) {
      const entry = ID.test(id) ? await readEntry(join(directory, id)) : undefined;
      if (entry !== undefined) found.push(installerOf(directory, id, entry));
    }
    return found.toSorted(
      (a, b) => PRODUCTS.indexOf(a.product) - PRODUCTS.indexOf(b.product) || compareEditions(b, a) || b.addedAt - a.addedAt,
    );
  };
  return {
    list,
    newest: async (product) => (await list()).find((one) => one.product === product && one.carrier !== null),
    async find(wanted) {
      const all = await list();
      const found = all.find(({ name, id }) => name === wanted || id === wanted);
      const byBeginning = /^[0-9a-f]{6,}$/.test(wanted) ? all.filter(({ id }) => id.startsWith(wanted)) : [];
      const one = found ?? (byBeginning.length === 1 ? byBeginning[0] : undefined);
      if (one !== undefined) return one;
      const many = byBeginning.length > 1 ? `${byBeginning.length} installers have ids that begin with ${wanted}` : undefined;
      throw fail('install.no_installer', {
        message: many ?? `there is no installer ${JSON.stringify(wanted.slice(0, 128))}; there ${namesOf(all)}`,
        hint: all.length === 0 ? 'Import one: rackseed image add FILE' : 'rackseed image list shows their names and ids.',
      });
    },
    async put(draft, entry) {
      const target = join(directory, entry.iso.sha256);
      await writeNew(join(draft, FILE_NAMES.entry), `${JSON.stringify(entry, undefined, 2)}\n`);
      await flush(draft);
      // What is left of one whose entry can't be read is in the way.
      if ((await readEntry(target)) === undefined) await rm(target, { recursive: true, force: true });
      await rename(draft, target);
      await flush(directory);
      return installerOf(directory, entry.iso.sha256, entry);
    },
    async setFault(id, fault) {
      const place = join(directory, id);
      const entry = await readEntry(place);
      if (entry === undefined || entry.fault === fault) return;
      const draft = join(place, `${FILE_NAMES.entry}.new`);
      await writeNew(draft, `${JSON.stringify({ ...entry, fault }, undefined, 2)}\n`);
      await rename(draft, join(place, FILE_NAMES.entry));
      await flush(place);
    },
    async remove(id) {
      const gone = join(directory, `.gone-${id}`);
      await rm(gone, { recursive: true, force: true });
      await rename(join(directory, id), gone);
      await flush(directory);
      await rm(gone, { recursive: true, force: true });
    },
  };
}

export function namesOf(all: readonly Pick<Installer, 'name'>[]): string {
  return all.length === 0 ? 'is none' : `${all.length === 1 ? 'is' : 'are'} ${all.map(({ name }) => name).join(', ')}`;
}

async function names(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).toSorted();
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return [];
    throw thrown;
  }
}

/** Undefined: not whole, or not ours. */
async function readEntry(place: string): Promise<Entry | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(join(place, FILE_NAMES.entry), 'utf8'));
    return fits(entrySchema, value) ? value : undefined;
  } catch (thrown) {
    if (thrown instanceof SyntaxError || systemCode(thrown) === 'ENOENT' || systemCode(thrown) === 'ENOTDIR') return undefined;
    throw thrown;
  }
}

function installerOf(directory: string, id: string, { fault, ...entry }: Entry): Installer {
  const place = join(directory, id);
  const at = (name: string, one: { readonly bytes: number; readonly sha256: string }): InstallerFile => ({
    path: join(place, name),
    ...one,
  });
  return {
    ...entry,
    id,
    iso: at(FILE_NAMES.iso, entry.iso),
    kernel: at(FILE_NAMES.kernel, entry.kernel),
    initrd: at(FILE_NAMES.initrd, entry.initrd),
    carrier: fault === null ? entry.carrier : null,
    problem: fault ?? entry.problem,
  };
}

/** Drafts of imports that are over, and what a removal left; `isAlive` says of which tasks work goes on. */
export async function sweepShelf(directory: string, isAlive: (task: string) => Promise<boolean>): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const name of await names(directory)) {
    const task = name.startsWith(DRAFT) ? name.slice(DRAFT.length) : undefined;
    const isLeft = name.startsWith('.gone-') || (task !== undefined && !(await isAlive(task)));
    if (isLeft) await rm(join(directory, name), { recursive: true, force: true });
  }
}

const DRAFT = '.new-';

export function draftOf(directory: string, task: string): string {
  return join(directory, `${DRAFT}${task}`);
}

/** Whether all its files are there with their sizes; a text says what is not. */
export async function missingOf(installer: Installer): Promise<string | undefined> {
  for (const one of [installer.iso, installer.kernel, installer.initrd]) {
    const bytes = await sizeOf(one.path);
    if (bytes !== one.bytes) return `${one.path} ${bytes === undefined ? 'is not there' : `has ${bytes} bytes instead of ${one.bytes}`}`;
  }
  return undefined;
}
