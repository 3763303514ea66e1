// The installers of the appliance: what others ask of them, and what people do with them. The long parts are tasks.

import { isAbsolute, join } from 'node:path';
import type { Clock, Component, Random, Run } from '../../lib/index.ts';
import type { Store } from '../../store/index.ts';
import type { TaskDefinition, TaskEngine } from '../../tasks/index.ts';
import { fail } from '../errors.ts';
import type { Fetch } from '../guarded-fetch.ts';
import { addFile } from '../iso/add-file.ts';
import { remaster } from '../iso/remaster.ts';
import type { Installer, Installers } from '../seam.ts';
import { type FreeBytes, freeBytes } from './disk-files.ts';
import { nameInUrl, urlFault } from './fetch-iso.ts';
import { IMPORT_KIND, type ImportArgs, type ImportDeps, importDefinition, sweepIncoming } from './import-task.ts';
import { isTaskAlive, isUploadWanted, nodesInstalledWith } from './in-use.ts';
import { createModeFiles, type IsoTools } from './mode-files.ts';
import { type Finding, selftest } from './selftest.ts';
import { createShelf, sweepShelf } from './shelf.ts';
import { lookAtIso, type TakeOptions } from './take.ts';
import { createUploads, type Uploads } from './uploads.ts';
import { VERIFY_KIND, verifyDefinition } from './verify-task.ts';

export { installerDirectory } from './shelf.ts';
export { ISO_MAX_BYTES, PART_MAX_BYTES, type Upload } from './uploads.ts';

export interface InstallerImport {
  readonly source: ImportArgs['source'];
  /** Of the ISO; must be there for a URL. */
  readonly sha256: string | null;
  readonly name: string | null;
}

export interface InstallerStore extends Installers {
  readonly uploads: Omit<Uploads, 'sweep'>;
  /** The id of the task. Refuses at once what can be seen at once. */
  import(order: InstallerImport): Promise<string>;
  /** The id of the task. */
  verify(wanted: string): Promise<string>;
  remove(wanted: string): Promise<Installer>;
}

export interface InstallerStoreOptions {
  /** Of the installers, see installerDirectory. */
  readonly directory: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly run: Run;
  readonly fetch: Fetch;
  /** In place of our own, for tests. */
  readonly tools?: IsoTools;
  /** This appliance: files lie with it. */
  readonly holder: string;
  readonly free?: FreeBytes;
}

export interface InstallerParts extends Component {
  readonly installers: InstallerStore;
  /** For the engine, which is made after what its tasks work with. */
  readonly definitions: readonly TaskDefinition[];
  bind(tasks: Pick<TaskEngine, 'submit'>): void;
}

function isoTools(run: Run): IsoTools {
  return { addFile, remaster: ({ path, bytes }, added, outPath) => remaster({ isoPath: path, bytes, added, outPath, run }) };
}

/** Of a file that need not be imported. */
export function selftestIso(
  path: string,
  { run, signal }: { readonly run: Run; readonly signal: AbortSignal },
): Promise<readonly Finding[]> {
  return selftest(path, { run, signal, tools: isoTools(run) });
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export function createInstallers(options: InstallerStoreOptions): InstallerParts {
  const { directory, store, clock, holder, tools = isoTools(options.run), free = freeBytes } = options;
  const shelf = createShelf(directory);
  const uploads = createUploads({ directory: join(directory, 'uploads'), clock, random: options.random, free });
  const modeFiles = createModeFiles({ directory, tools, free, clock });
  const take: TakeOptions = { directory, shelf, tools, run: options.run, free, now: () => clock.now() };
  const deps: ImportDeps = { take, uploads, store, holder, clock, fetch: options.fetch, free };
  const isAlive = (task: string): Promise<boolean> => isTaskAlive(store, task);
  let engine: Pick<TaskEngine, 'submit'> | undefined;

  const sweep = async (): Promise<void> => {
    await sweepShelf(directory, isAlive);
    await sweepIncoming(directory, isAlive);
    await uploads.sweep((id) => isUploadWanted(store, IMPORT_KIND, id));
  };
  const submit = (kind: string, subject: string, args: unknown): Promise<string> => {
    if (engine === undefined) throw new TypeError('an installer is asked for before tasks were wired');
    const tasks = engine;
    return store.transaction((tx) => tasks.submit(tx, { kind, subject, locks: [], args }));
  };

  return {
    name: 'installers',
    definitions: [importDefinition(() => deps), verifyDefinition(() => ({ shelf, store, holder, clock }))],
    bind: (tasks) => {
      engine = tasks;
    },
    async start(signal) {
      signal.throwIfAborted();
      await sweep();
      await modeFiles.sweep();
    },
    stop: () => Promise.resolve(),
    installers: {
      list: () => shelf.list(),
      find: (wanted) => shelf.find(wanted),
      newest: (product) => shelf.newest(product),
      withModeFile: (installer, content) => modeFiles.withModeFile(installer, content),
      uploads,
      async import(order) {
        refuse(order);
        const { where, sha256 } = await look(order, uploads);
        await sweep();
        const args: ImportArgs = { ...order, sha256, where, holder, at: clock.now() };
        return submit(IMPORT_KIND, `installer:${where}`.slice(0, 200), args);
      },
      async verify(wanted) {
        const { id, name } = await shelf.find(wanted);
        return submit(VERIFY_KIND, `installer:${name}`, { id, holder, at: clock.now() });
      },
      async remove(wanted) {
        const installer = await shelf.find(wanted);
        const users = await nodesInstalledWith(store, installer);
        if (users.length > 0) {
          throw fail('install.installer_in_use', {
            message: `${installer.name} is not removed: ${users.slice(0, 5).join(', ')}${users.length > 5 ? ` and ${users.length - 5} more` : ''} ${users.length === 1 ? 'is' : 'are'} being installed with it`,
            hint: 'Wait until that has ended, or abort it.',
          });
        }
        await shelf.remove(installer.id);
        const { id, name } = installer;
        await store.transaction((tx) =>
          store.events.append(tx, { type: 'installer.removed', message: `${name} was removed`, data: { id, name } }),
        );
        return installer;
      },
    },
  };
}

function refuse({ source, sha256, name }: InstallerImport): void {
  const why =
    name !== null && !NAME.test(name)
      ? `${JSON.stringify(name.slice(0, 80))} is no name: letters, digits, dots and dashes, 64 at most`
      : 'url' in source
        ? urlRefusal(source.url, sha256)
        : 'path' in source && !isAbsolute(source.path)
          ? `${source.path} is no absolute path on the appliance`
          : undefined;
  if (why !== undefined)
    throw fail('install.bad_installer_source', { message: why, hint: 'rackseed image add --help says what is wanted.' });
}

function urlRefusal(url: string, sha256: string | null): string | undefined {
  const fault = urlFault(url);
  if (fault !== undefined) return `the URL is not fetched: ${fault}`;
  if (new URL(url).username !== '' || new URL(url).password !== '')
    return 'the URL carries a name or a password, which would be kept and shown';
  return sha256 === null ? 'what comes from a URL needs a checksum: the SHA-256 on its download page (--checksum)' : undefined;
}

/** What people call it, and the SHA-256 it should have; and the refusals that need no task. */
async function look(
  { source, sha256 }: InstallerImport,
  uploads: Pick<Uploads, 'get'>,
): Promise<{ readonly where: string; readonly sha256: string | null }> {
  if ('url' in source) return { where: nameInUrl(source.url), sha256 };
  if ('path' in source) {
    await lookAtIso(source.path, source.path).catch((thrown: unknown) => {
      throw unreadable(source.path, thrown);
    });
    return { where: source.path, sha256 };
  }
  const upload = await uploads.get(source.upload);
  if (sha256 !== null && upload.sha256 !== null && sha256 !== upload.sha256) {
    throw fail('install.bad_installer_source', {
      message: `the upload of ${JSON.stringify(upload.name)} was begun with the SHA-256 ${upload.sha256}, and shall be imported with ${sha256}`,
      hint: 'Give one of them only, or begin the upload anew with the right one.',
    });
  }
  if (upload.offset === upload.bytes) await lookAtIso(upload.path, upload.name);
  return { where: upload.name, sha256: sha256 ?? upload.sha256 };
}

function unreadable(path: string, thrown: unknown): unknown {
  if (!(thrown instanceof Error) || !('syscall' in thrown)) return thrown;
  return fail('install.bad_installer_source', {
    message: `${path} can't be read on the appliance: ${thrown.message}`,
    hint: 'Is it there, and may the appliance read it?',
    cause: thrown,
  });
}
