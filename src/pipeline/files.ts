// The pipelines there are: those that come along, and the operator's own in DATA_DIR/pipelines, whose names win. Read anew each time: a
// change counts for the next run.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { didYouMean, near } from '../config/index.ts';
import { messageOf, systemCode } from '../lib/index.ts';
import { fail } from './errors.ts';
import { type FileFault, type ReadPipeline, readPipeline } from './file-decide.ts';
import type { Pipeline, PipelineStep } from './seam.ts';

export interface PipelineFile extends ReadPipeline {
  readonly name: string;
  readonly path: string;
  /** Of the operator. */
  readonly isOwn: boolean;
}

export interface PipelineFiles {
  list(): Promise<readonly PipelineFile[]>;
  /** Throws pipeline.unknown and pipeline.bad_file. */
  get(name: string): Promise<Pipeline>;
}

interface PlaceOf {
  readonly path: string;
  readonly isOwn: boolean;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const SUFFIX = '.toml';
const MAX_BYTES = 256 * 1024;
const MAX_FILES = 256;

export function createPipelineFiles(
  directories: { readonly own: string; readonly shipped: string },
  steps: ReadonlyMap<string, PipelineStep>,
): PipelineFiles {
  const places = async (): Promise<ReadonlyMap<string, PlaceOf>> => {
    const found = new Map<string, PlaceOf>();
    for (const name of await namesIn(directories.shipped)) found.set(name, { path: pathOf(directories.shipped, name), isOwn: false });
    for (const name of await namesIn(directories.own)) found.set(name, { path: pathOf(directories.own, name), isOwn: true });
    return new Map([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  };
  return {
    list: async () =>
      Promise.all(
        [...(await places())].map(async ([name, at]) => ({ name, ...at, ...readPipeline(name, await contentOf(at.path), steps) })),
      ),
    get: async (name) => {
      const found = await places();
      const at = found.get(name);
      if (at === undefined) throw unknown(name, [...found.keys()], directories.own);
      const { pipeline, faults } = readPipeline(name, await contentOf(at.path), steps);
      if (faults.length > 0) throw unsound(at.path, faults);
      return pipeline;
    },
  };
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    const files = (await readdir(directory)).filter((file) => file.endsWith(SUFFIX)).toSorted();
    const names = files.map((file) => file.slice(0, -SUFFIX.length)).filter((name) => NAME.test(name));
    return names.slice(0, MAX_FILES);
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return []; // nobody has pipelines there yet
    throw unreadable(directory, thrown);
  }
}

function pathOf(directory: string, name: string): string {
  return join(directory, `${name}${SUFFIX}`);
}

async function contentOf(path: string): Promise<string> {
  try {
    const bytes = await readFile(path);
    if (bytes.length > MAX_BYTES) throw new RangeError(`it has ${bytes.length} bytes; at most ${MAX_BYTES} are read`);
    return bytes.toString('utf8');
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
}

function unknown(name: string, names: readonly string[], own: string) {
  return fail('pipeline.unknown', {
    message: `there is no pipeline ${JSON.stringify(name)}${didYouMean(near(name, names))}`,
    hint: `There is: ${names.join(', ') || 'none'}. Your own go into ${own}, as ${SUFFIX} files.`,
  });
}

function unsound(path: string, faults: readonly FileFault[]) {
  const words = faults.map(({ line, key, message }) => `${line === null ? '' : `line ${line}: `}${key} ${message}`);
  return fail('pipeline.bad_file', { message: `${path}: ${words.join('; ')}`, hint: `Edit ${path}.`, detail: { faults } });
}

function unreadable(path: string, cause: unknown) {
  return fail('pipeline.bad_file', { message: `${path} can't be read: ${messageOf(cause)}`, hint: 'Look at its owner and mode.', cause });
}
