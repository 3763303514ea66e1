// A document as it was written → the same with every known key in kebab-case, and what is wrong with how keys are spelt or placed. Pure.

import { isTable, type Table } from '../../config/index.ts';
import { either, type Finding, near, type Path, quoted } from './finding.ts';
import { type InstallerRelease, isAtLeast, sinceWhen } from './releases.ts';
import { type KeySpec, keysIn, nameOf, SCHEMA, snakeOf } from './schema.ts';

export interface Normalised {
  readonly document: Table;
  readonly findings: readonly Finding[];
  /** Path in the document → path as it was written. Only where they differ. */
  readonly written: ReadonlyMap<string, Path>;
  /** Known keys that this release does not read. */
  readonly unread: readonly string[];
}

export interface SpellingOptions {
  /** False: the keys are not what the installer reads, so their spelling does not matter. */
  readonly isText: boolean;
}

export function normalise(raw: Table, release: InstallerRelease, options: SpellingOptions): Normalised {
  const walk = new Walk(release, options);
  const document = walk.section(raw, '', []);
  return { document, findings: walk.findings, written: walk.written, unread: walk.unread };
}

/** A map's key for a path whose parts may hold anything. */
export function pathKey(path: Path): string {
  return JSON.stringify(path);
}

class Walk {
  readonly findings: Finding[] = [];
  readonly written = new Map<string, Path>();
  readonly unread: string[] = [];
  readonly #release: InstallerRelease;
  readonly #isText: boolean;

  constructor(release: InstallerRelease, { isText }: SpellingOptions) {
    this.#release = release;
    this.#isText = isText;
  }

  /** The keys of one section; what is below a filter or a mapping is the user's. */
  section(raw: Table, key: string, writtenPath: Path, isUnread = false): Table {
    const specs = keysIn(key);
    const result = Object.create(null) as Table; // Object.create says any; without a prototype, __proto__ is a key like any other
    const path = key === '' ? [] : key.split('.');
    for (const [name, value] of Object.entries(raw)) {
      const spec = specs.find((one) => nameOf(one.key) === name) ?? specs.find((one) => snakeOf(nameOf(one.key)) === name);
      const here = [...writtenPath, name];
      if (spec === undefined) {
        if (!isUnread) this.#unknown(name, key, [...path, name]);
        result[name] = value;
        continue;
      }
      const kebab = nameOf(spec.key);
      if (Object.hasOwn(result, kebab)) this.#twice(spec, name);
      if (name !== kebab || writtenPath.join('.') !== key) this.written.set(pathKey([...path, kebab]), here);
      const isKnown = !isUnread && this.#known(spec, name);
      result[kebab] = isTable(value) && keysIn(spec.key).length > 0 ? this.section(value, spec.key, here, !isKnown) : value;
    }
    return result;
  }

  /** False: this release does not read it, nor what is below. */
  #known(spec: KeySpec, name: string): boolean {
    if (!isAtLeast(this.#release.installer, spec.since)) {
      this.unread.push(spec.key);
      this.#error(
        spec.key,
        `this release does not know it: it came with ${this.#since(spec.since)}`,
        `Leave it out for this release, or install ${this.#since(spec.since)} or newer.`,
      );
      return false;
    }
    if (this.#isText && spec.spelling !== undefined) this.#spelling(spec, name, spec.spelling);
    return true;
  }

  #spelling(spec: KeySpec, name: string, { kebabSince, snakeSince }: NonNullable<KeySpec['spelling']>): void {
    const { installer } = this.#release;
    const kebab = nameOf(spec.key);
    if (!kebab.includes('-')) return;
    if (name === kebab) {
      if (isAtLeast(installer, kebabSince)) return;
      const snake = snakeOf(kebab);
      this.#error(spec.key, `this release reads only "${snake}": "-" in it came with ${this.#since(kebabSince)}`, `Write "${snake}".`);
    } else if (snakeSince === null || !isAtLeast(installer, snakeSince)) {
      this.#error(spec.key, `"${name}" is no key that this release reads`, `Write "${kebab}".`);
    } else if (isAtLeast(installer, '9.0.0')) {
      this.#say('warning', spec.key, `"${name}" is the old name, which a later release may refuse`, `Write "${kebab}".`);
    }
  }

  #twice(spec: KeySpec, name: string): void {
    const other = name === nameOf(spec.key) ? snakeOf(name) : nameOf(spec.key);
    this.#error(spec.key, `it stands twice, as "${name}" and as "${other}"`, 'Leave one of them out.');
  }

  #unknown(name: string, section: string, path: Path): void {
    const names = keysIn(section).map(({ key }) => nameOf(key));
    const where = section === '' ? 'at the top' : `in [${section}]`;
    const slip = near(name, names);
    const home = slip === undefined ? SCHEMA.find(({ key }) => nameOf(key) === name || snakeOf(nameOf(key)) === name) : undefined;
    const message = `${quoted(name)} is no key ${where}; the installer refuses a file with an unknown key`;
    this.findings.push({ path, message, fix: fixOf(slip, home, names), severity: 'error' });
  }

  #since(version: string): string {
    return sinceWhen(this.#release.product, version);
  }

  #error(key: string, message: string, fix: string): void {
    this.#say('error', key, message, fix);
  }

  #say(severity: 'error' | 'warning', key: string, message: string, fix: string): void {
    this.findings.push({ path: key.split('.'), message, fix, severity });
  }
}

function fixOf(slip: string | undefined, home: KeySpec | undefined, names: readonly string[]): string {
  if (slip !== undefined) return `Did you mean "${slip}"?`;
  if (home === undefined) return `Leave it out, or write one of: ${names.join(', ')}.`;
  const section = home.key.split('.').slice(0, -1).join('.');
  const place = section === '' ? 'the top of the file' : `[${section}]`;
  return `"${nameOf(home.key)}" belongs in ${place}.`;
}

/** Is everything there that must be? */
export function missing(document: Table, release: InstallerRelease): Finding[] {
  return SCHEMA.filter(({ isRequired, since }) => isRequired === true && isAtLeast(release.installer, since)).flatMap((spec) => {
    const path = spec.key.split('.');
    const parent = parentOf(document, path);
    if (parent === undefined || Object.hasOwn(parent, nameOf(spec.key))) return [];
    return [{ path, message: 'it is missing', fix: missingFix(spec), severity: 'error' } as const];
  });
}

function missingFix(spec: KeySpec): string {
  if (spec.kind === 'section') return `Write a section [${spec.key}].`;
  if (spec.words !== undefined) return `Write one of ${either(spec.words)}.`;
  return spec.kind === 'bool' ? 'Write true or false.' : `Write ${spec.hint ?? 'a text in quotation marks'}.`;
}

function parentOf(document: Table, path: Path): Table | undefined {
  let table: unknown = document;
  for (const name of path.slice(0, -1)) table = isTable(table) && Object.hasOwn(table, name) ? table[name] : undefined;
  return isTable(table) ? table : undefined;
}
