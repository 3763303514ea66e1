// One file of a pipeline, read and checked, with the lines of what is wrong. Pure; knows no files.

import { childPointer, didYouMean, isTable, near, readToml, type Table, type TomlDocument } from '../config/index.ts';
import type { JsonObject } from '../nodes/index.ts';
import { argsOf, keysOf } from './args-decide.ts';
import type { Pipeline, PipelineEntry, PipelineStep } from './seam.ts';
import { WHEN_KEYS, whenFaults } from './when-decide.ts';

export interface FileFault {
  readonly line: number | null;
  /** steps[2].args.zone */
  readonly key: string;
  readonly message: string;
}

export interface ReadPipeline {
  readonly description: string;
  readonly pipeline: Pipeline;
  readonly faults: readonly FileFault[];
}

/** A run's cursor is written whole at each boundary. */
export const ENTRIES_MAX = 64;
const TOP = ['description', 'steps'];
const OF_ENTRY = ['step', 'args', 'when'];

export function readPipeline(name: string, text: string, steps: ReadonlyMap<string, PipelineStep>): ReadPipeline {
  const read = readToml(text);
  if ('fault' in read) {
    const { line, message } = read.fault;
    return { description: '', pipeline: { name, entries: [] }, faults: [{ line, key: '', message: `is not TOML: ${message}` }] };
  }
  return new Reader(read.document, steps).read(name);
}

class Reader {
  readonly #document: TomlDocument;
  readonly #steps: ReadonlyMap<string, PipelineStep>;
  readonly #faults: FileFault[] = [];

  constructor(document: TomlDocument, steps: ReadonlyMap<string, PipelineStep>) {
    this.#document = document;
    this.#steps = steps;
  }

  read(name: string): ReadPipeline {
    const { value } = this.#document;
    this.#keys('', value, TOP);
    const { description = '', steps } = value;
    if (typeof description !== 'string') this.#fault('/description', 'description', 'expected a text');
    if (!Array.isArray(steps) || steps.length === 0) this.#fault('/steps', 'steps', 'expected tables, each begun by [[steps]]');
    const listed: readonly unknown[] = Array.isArray(steps) ? steps : [];
    if (listed.length > ENTRIES_MAX) this.#fault('/steps', 'steps', `has ${listed.length} steps; at most ${ENTRIES_MAX} are taken`);
    const entries = listed.slice(0, ENTRIES_MAX).flatMap((entry, at) => this.#entry(entry, at));
    return { description: typeof description === 'string' ? description : '', pipeline: { name, entries }, faults: this.#faults };
  }

  #entry(entry: unknown, at: number): PipelineEntry[] {
    const [pointer, key] = [`/steps/${at}`, `steps[${at}]`];
    if (!isTable(entry)) {
      this.#fault(pointer, key, 'expected a table, begun by [[steps]]');
      return [];
    }
    this.#keys(pointer, entry, OF_ENTRY, `${key}.`);
    const { step: name, args = {}, when = null } = entry;
    const step = typeof name === 'string' ? this.#steps.get(name) : undefined;
    if (typeof name !== 'string') this.#fault(`${pointer}/step`, `${key}.step`, 'missing; expected the name of a step', pointer);
    else if (step === undefined) this.#fault(`${pointer}/step`, `${key}.step`, this.#unknownStep(name));
    if (!isTable(args)) this.#fault(`${pointer}/args`, `${key}.args`, 'expected a table such as { name = "value" }');
    if (when !== null && !isTable(when)) this.#fault(`${pointer}/when`, `${key}.when`, 'expected a table such as { cluster = true }');
    if (isTable(when)) this.#when(when, pointer, key);
    if (step === undefined || !isTable(args)) return [];
    return [{ step: step.name, args: this.#args(step, plain(args), pointer, key), when: isTable(when) ? plain(when) : null }];
  }

  #unknownStep(name: string): string {
    const names = [...this.#steps.keys()];
    return `there is no step ${JSON.stringify(name)}${didYouMean(near(name, names))}. Known: ${names.join(', ') || 'none'}`;
  }

  #when(when: Table, pointer: string, key: string): void {
    for (const { key: fact, message } of whenFaults(plain(when)))
      this.#fault(
        childPointer(`${pointer}/when`, fact),
        `${key}.when.${fact}`,
        `${message}${WHEN_KEYS.includes(fact) ? '' : didYouMean(near(fact, WHEN_KEYS))}`,
        pointer,
      );
  }

  #args(step: PipelineStep, args: JsonObject, pointer: string, key: string): JsonObject {
    const found = argsOf(step, args);
    for (const fault of found.faults) {
      const at = fault.unknown === null ? fault.pointer : childPointer(fault.pointer, fault.unknown);
      const known = keysOf(step);
      const more =
        fault.unknown === null ? '' : `${didYouMean(near(fault.unknown, known))}; ${step.name} takes ${known.join(', ') || 'nothing'}`;
      this.#fault(`${pointer}/args${at}`, `${key}.args${at.replaceAll('/', '.')}`, `${fault.message}${more}`, pointer);
    }
    return found.args;
  }

  #keys(pointer: string, table: Table, known: readonly string[], prefix = ''): void {
    for (const name of Object.keys(table).filter((one) => !known.includes(one)))
      this.#fault(
        childPointer(pointer, name),
        `${prefix}${name}`,
        `unknown key${didYouMean(near(name, known))}; known here: ${known.join(', ')}`,
      );
  }

  /** `or`: where it is shown when it is missing. */
  #fault(pointer: string, key: string, message: string, or = ''): void {
    const { values, keys } = this.#document;
    const place = keys.get(pointer) ?? values.get(pointer) ?? keys.get(or) ?? values.get(or);
    this.#faults.push({ line: place?.line ?? null, key, message });
  }
}

/** As the store keeps it: dates of TOML become texts. */
function plain(table: Table): JsonObject {
  return JSON.parse(JSON.stringify(table)) as JsonObject; // a table is an object
}
