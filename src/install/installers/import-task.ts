// The import of an installer as a task: the file comes into our directory, its SHA-256 is compared, and an installer is made of it. Cut off
// anywhere, it goes on or begins that step anew; nothing half is ever listed.

import { createReadStream } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { type Clock, RackseedError, systemCode } from '../../lib/index.ts';
import type { Store } from '../../store/index.ts';
import { defineTask, done, type StepContext, type StepResult, type TaskDefinition, waitUntil } from '../../tasks/index.ts';
import { fail } from '../errors.ts';
import { asNoSpace, hashFile, mebibytes, roomFor, sizeOf, writeHashed } from './disk-files.ts';
import { type FetchIsoOptions, fetchIso } from './fetch-iso.ts';
import { draftOf } from './shelf.ts';
import { type TakeOptions, takeInstaller, unmade } from './take.ts';
import { type Uploads, wrongChecksum } from './uploads.ts';

export const IMPORT_KIND = 'installer.import';

const sourceSchema = Type.Union([
  Type.Object({ path: Type.String() }),
  Type.Object({ upload: Type.String() }),
  Type.Object({ url: Type.String() }),
]);
export const importArgs = Type.Object({
  source: sourceSchema,
  sha256: Type.Union([Type.String(), Type.Null()]),
  name: Type.Union([Type.String(), Type.Null()]),
  /** What people call the file. */
  where: Type.String(),
  /** The appliance where the file is, and shall be. */
  holder: Type.String(),
  at: Type.Integer(),
});
export type ImportArgs = Static<typeof importArgs>;
type Context = StepContext<ImportArgs>;

export interface ImportDeps extends FetchIsoOptions {
  readonly take: TakeOptions;
  readonly uploads: Pick<Uploads, 'get' | 'remove'>;
  readonly store: Pick<Store, 'events'>;
  readonly holder: string;
  readonly clock: Clock;
}

const HOUR = 3600_000;
const ELSEWHERE_MS = 10 * 60_000;
const LOOK_MS = 2000;
const fetched = Type.Object({ bytes: Type.Integer() });
const hashed = Type.Object({ sha256: Type.String() });
/** After these the file is good for nothing; after others it can be tried again with it. */
const HOPELESS = [
  'install.not_an_installer',
  'install.installer_unfit',
  'install.wrong_checksum',
  'install.bad_installer_source',
  'install.bad_iso',
];

export function importDefinition(deps: () => ImportDeps): TaskDefinition {
  const definition = defineTask({
    kind: IMPORT_KIND,
    title: 'Import an installer',
    args: importArgs,
    concurrency: 1,
    steps: [
      {
        name: 'fetch',
        title: 'Fetch the ISO',
        timeoutMs: 12 * HOUR,
        retry: { attempts: 20, firstDelayMs: 2000, maxDelayMs: 5 * 60_000 },
        run: (context) => fetch(deps(), context),
      },
      { name: 'check', title: 'Compare its SHA-256', timeoutMs: HOUR, run: (context) => check(deps(), context) },
      { name: 'take', title: 'Take out kernel and initrd', timeoutMs: HOUR, run: (context) => take(deps(), context) },
    ],
  });
  return definition as TaskDefinition; // the engine checks the arguments before any step is called
}

export function incomingDirectory(directory: string): string {
  return join(directory, 'incoming');
}

function pathOf({ take: { directory }, uploads }: ImportDeps, { args, taskId }: Context): Promise<string> {
  const { source } = args;
  if ('upload' in source) return uploads.get(source.upload).then(({ path }) => path);
  return Promise.resolve(join(incomingDirectory(directory), `${taskId}.iso`));
}

async function fetch(deps: ImportDeps, context: Context): Promise<StepResult> {
  const { source, where } = context.args;
  const elsewhere = notHere(deps, context.args);
  if (elsewhere !== undefined) return elsewhere;
  const { directory, free } = deps.take;
  await mkdir(incomingDirectory(directory), { recursive: true, mode: 0o700 });
  const path = await pathOf(deps, context);
  if ('upload' in source) return done({ bytes: await whole(deps, source.upload) });
  try {
    if ('url' in source) {
      const tell = telling(deps, context, 'fetched');
      return done({ bytes: await fetchIso(deps, { url: source.url, path, directory, signal: context.signal, onBytes: tell }) });
    }
    const bytes = (await sizeOf(source.path)) ?? 0;
    const tell = telling(deps, context, 'copied');
    const copy = await writeHashed(path, createReadStream(source.path, { highWaterMark: 1024 * 1024 }), {
      signal: context.signal,
      beforeWrite: roomFor({ directory, what: where, bytes, free }),
      onBytes: (now) => tell(now, bytes),
    });
    return done({ bytes: copy.bytes });
  } catch (thrown) {
    throw await given(deps, context, gone(source, asNoSpace(thrown, directory, where)));
  }
}

async function check(deps: ImportDeps, context: Context): Promise<StepResult> {
  const elsewhere = notHere(deps, context.args);
  if (elsewhere !== undefined) return elsewhere;
  const { sha256: wanted, where } = context.args;
  const { bytes } = context.resultOf('fetch', fetched);
  const tell = telling(deps, context, 'read');
  const { sha256 } = await hashFile(await pathOf(deps, context), { signal: context.signal, onBytes: (now) => tell(now, bytes) });
  if (wanted === null || wanted === sha256) return done({ sha256 });
  throw await given(deps, context, wrongChecksum(where, sha256, wanted));
}

async function take(deps: ImportDeps, context: Context): Promise<StepResult> {
  const elsewhere = notHere(deps, context.args);
  if (elsewhere !== undefined) return elsewhere;
  const { name, where, source } = context.args;
  const { bytes } = context.resultOf('fetch', fetched);
  const { sha256 } = context.resultOf('check', hashed);
  const tell = telling(deps, context, 'of the initrd packed anew');
  try {
    const arrived = { task: context.taskId, path: await takePath(deps, context), bytes, sha256, where, name };
    const installer = await takeInstaller(deps.take, arrived, { signal: context.signal, onBytes: (now) => tell(now, null) });
    const { id, problem } = installer;
    const finished = await context.finish(
      async (tx) => {
        await deps.store.events.append(tx, {
          type: 'installer.imported',
          taskId: context.taskId,
          severity: installer.carrier === null ? 'warning' : 'info',
          message: `${installer.name} (${installer.title} ${installer.release}-${installer.isoRelease}) is there${problem === null ? '' : `, but: ${problem}`}`,
          data: { id, name: installer.name },
        });
      },
      { id, name: installer.name },
    );
    if ('upload' in source) await deps.uploads.remove(source.upload);
    else await removeIncoming(deps.take.directory, context.taskId);
    return finished;
  } catch (thrown) {
    await unmade(deps.take.directory, { task: context.taskId, path: await takePath(deps, context) });
    throw await given(deps, context, asNoSpace(thrown, deps.take.directory, where));
  }
}

/** The record of an upload goes last: until then its path is known, also when the bytes have been moved already. */
async function takePath(deps: ImportDeps, context: Context): Promise<string> {
  const { source } = context.args;
  return 'upload' in source ? join(deps.take.directory, 'uploads', `${source.upload}.part`) : pathOf(deps, context);
}

/** Of an upload: all of it came. */
async function whole({ uploads }: ImportDeps, id: string): Promise<number> {
  const { offset, bytes, name } = await uploads.get(id);
  if (offset === bytes) return bytes;
  throw fail('install.bad_installer_source', {
    message: `the upload of ${JSON.stringify(name)} has ${offset} of its ${bytes} bytes`,
    hint: 'Go on with it first.',
  });
}

/** Another appliance of the same store may have taken the task up: it gives it back. */
function notHere({ holder, clock }: ImportDeps, { holder: wanted, at, where }: ImportArgs): StepResult | undefined {
  if (holder === wanted) return undefined;
  if (clock.now() - at < ELSEWHERE_MS) return waitUntil(clock.now() + LOOK_MS);
  throw fail('install.elsewhere', {
    message: `${where} lies with the appliance ${wanted}, which has not taken it up for ${ELSEWHERE_MS / 60_000} minutes`,
    hint: 'Start that appliance, or import the file here.',
  });
}

function gone(source: ImportArgs['source'], thrown: unknown): unknown {
  if (!('path' in source) || systemCode(thrown) === undefined || thrown instanceof RackseedError) return thrown;
  return fail('install.bad_installer_source', {
    message: `${source.path} can't be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    hint: 'Look at whether it is there and whether the appliance may read it.',
    cause: thrown,
  });
}

/** What nobody can use any more is removed; the rest stays for another try. */
async function given(deps: ImportDeps, context: Context, thrown: unknown): Promise<unknown> {
  const isCancelled =
    context.signal.aborted && context.signal.reason instanceof RackseedError && context.signal.reason.code === 'tasks.cancelled';
  const isHopeless = thrown instanceof RackseedError && HOPELESS.includes(thrown.code);
  const isFull = thrown instanceof RackseedError && thrown.code === 'install.no_space';
  const { source } = context.args;
  // Room is short: what can be had again is not kept. An upload is somebody's hours, and is taken up again when there is room.
  if (!isHopeless && !isCancelled && (!isFull || 'upload' in source)) return thrown;
  await rm(draftOf(deps.take.directory, context.taskId), { recursive: true, force: true });
  if ('upload' in source) {
    if (isHopeless) await deps.uploads.remove(source.upload);
  } else await removeIncoming(deps.take.directory, context.taskId);
  return thrown;
}

async function removeIncoming(directory: string, task: string): Promise<void> {
  for (const end of ['', '.from']) await rm(join(incomingDirectory(directory), `${task}.iso${end}`), { force: true });
}

/** Of tasks that are over. */
export async function sweepIncoming(directory: string, isAlive: (task: string) => Promise<boolean>): Promise<void> {
  const names = await readdir(incomingDirectory(directory)).catch((thrown: unknown) => {
    if (systemCode(thrown) === 'ENOENT') return [];
    throw thrown;
  });
  for (const task of new Set(names.map((name) => name.replace(/\.iso(?:\.from)?$/, ''))))
    if (!(await isAlive(task))) await removeIncoming(directory, task);
}

/** Of bytes: how many, how fast. */
function telling({ clock }: ImportDeps, context: Context, what: string): (bytes: number, total: number | null) => void {
  let begin: { readonly at: number; readonly bytes: number } | undefined;
  return (bytes, total) => {
    const now = clock.monotonic();
    begin ??= { at: now, bytes };
    const rate = now > begin.at ? ((bytes - begin.bytes) * 1000) / (now - begin.at) : 0;
    const of = total === null ? '' : ` of ${mebibytes(total)}`;
    context.progress(
      total === null || total === 0 ? 0 : bytes / total,
      `${mebibytes(bytes)}${of} MiB ${what}${rate > 0 ? `, ${mebibytes(rate)} MiB/s` : ''}`,
    );
  };
}
