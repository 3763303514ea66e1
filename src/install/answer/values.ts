// One value against its row of the schema: its type, its words, its bounds. Pure.

import { isTable } from '../../config/index.ts';
import { at, either, knows, near, type Path, quoted, type Subject } from './finding.ts';
import { type KeySpec, SCHEMA } from './schema.ts';

/** What people write and mean one of ours. */
const MEANT: Readonly<Record<string, string>> = {
  poweroff: 'power-off',
  shutdown: 'power-off',
  us: 'en-us',
  en: 'en-us',
  gb: 'en-gb',
  uk: 'en-gb',
  ch: 'de-ch',
  dhcp: 'from-dhcp',
  static: 'from-answer',
  url: 'from-url',
  iso: 'from-iso',
  mirror: 'raid1',
  stripe: 'raid0',
  single: 'raid0',
  raidz: 'raidz-1',
  raidz1: 'raidz-1',
  raidz2: 'raidz-2',
  raidz3: 'raidz-3',
};

export function checkValues(subject: Subject): void {
  for (const spec of SCHEMA) {
    const value = at(subject.document, spec.key);
    if (value !== undefined) checkValue(subject, spec, value);
  }
}

function checkValue(subject: Subject, spec: KeySpec, value: unknown): void {
  const wanted = typeFault(subject, spec, value);
  if (wanted !== undefined) {
    const found = typeof value === 'number' && subject.isFloat(spec.key.split('.')) ? 'a number with a point' : kindOf(value);
    subject.error(spec.key, `it must be ${wanted}, but is ${found}`, `Write ${spec.hint ?? wanted}.`);
    return;
  }
  if (typeof value === 'string' && spec.words !== undefined) checkWord(subject, spec, spec.words, value);
  if (typeof value === 'number') checkBounds(subject, spec, value);
}

/** What it should be, where it is something else. */
function typeFault(subject: Subject, spec: KeySpec, value: unknown): string | undefined {
  const path = spec.key.split('.');
  switch (spec.kind) {
    case 'section':
      return isTable(value) ? undefined : `a section, begun by [${spec.key}]`;
    case 'text':
      return typeof value === 'string' ? undefined : 'a text in quotation marks';
    case 'bool':
      return typeof value === 'boolean' ? undefined : 'true or false, without quotation marks';
    case 'integer':
      return typeof value === 'number' && Number.isInteger(value) && !subject.isFloat(path) ? undefined : 'a whole number, without a point';
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) ? undefined : 'a number';
    case 'texts':
      return Array.isArray(value) && value.every((one) => typeof one === 'string') ? undefined : 'a list of texts, such as ["one", "two"]';
    case 'globs':
    case 'names':
      return isTable(value) && Object.values(value).every((one) => typeof one === 'string') ? undefined : 'a table of texts';
    case 'fqdn':
      return fqdnFault(subject, path, value);
  }
}

function fqdnFault(subject: Subject, path: Path, value: unknown): string | undefined {
  if (typeof value === 'string') return undefined;
  if (isTable(value) && knows(subject, '8.4.3')) return undefined;
  if (!isTable(value)) return 'a text in quotation marks';
  subject.error(
    path,
    'a name from DHCP came with 8.4: this release takes a text only',
    'Write the whole name, such as "node1.example.com".',
  );
  return undefined;
}

/** More words than a message should repeat beside its fix. */
const MANY = 8;

function checkWord(subject: Subject, spec: KeySpec, words: readonly string[], value: string): void {
  const { otherWords } = spec;
  const isOther = otherWords?.words.includes(value) === true && (!subject.isText || knows(subject, otherWords.since));
  if (words.includes(value) || isOther) return;
  const meant = MEANT[value.toLowerCase()];
  const word =
    words.find((one) => one === value.toLowerCase()) ?? (meant !== undefined && words.includes(meant) ? meant : near(value, words));
  const fix = word === undefined ? `Write one of ${either(words)}.` : `Write "${word}".`;
  const what = words.length > MANY ? `the ${words.length} words that it takes` : either(words);
  if (otherWords?.words.includes(value) === true) subject.error(spec.key, 'capital letters came with the next release', fix);
  else subject.error(spec.key, `${quoted(value)} is none of ${what}`, fix);
}

function checkBounds(subject: Subject, spec: KeySpec, value: number): void {
  const { min = -Infinity, max = Infinity, unit = '' } = spec;
  if (value >= min && value <= max) return;
  const space = unit === '' ? '' : ` ${unit}`;
  const bounds = max === Infinity ? `${min}${space} or more` : `${min} to ${max}${space}`;
  subject.error(spec.key, `${value} is out of bounds`, `Write ${bounds}.`);
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return value.every((one) => typeof one === 'string') ? 'a list' : 'a list of other things than texts';
  if (value instanceof Date) return 'a date';
  if (isTable(value))
    return Object.values(value).some((one) => typeof one !== 'string') ? 'a table with other things than texts' : 'a table';
  if (typeof value === 'number') return Number.isInteger(value) ? 'a number' : 'a number with a fraction';
  return typeof value === 'string' ? 'a text' : String(value);
}
