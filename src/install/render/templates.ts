// The answer templates there are: those that come along, and the operator's own in DATA_DIR/answer-files, whose names win. Read anew each
// time: a change counts for the next installation.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { near } from '../../config/index.ts';
import { messageOf, systemCode } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import { faultText, type PlacedFault } from './placed.ts';
import { readTemplate, type TemplateText } from './template-text.ts';

export interface TemplateEntry {
  readonly name: string;
  readonly path: string;
  /** Of the operator. */
  readonly isOwn: boolean;
  readonly description: string;
  readonly extends: string | null;
  readonly products: readonly string[];
  /** What is wrong with the file itself; empty: nothing. */
  readonly faults: readonly PlacedFault[];
}

export interface AnswerTemplates {
  list(): Promise<readonly TemplateEntry[]>;
  /** The template with all that it extends, base first. Throws install.no_template and install.bad_template. */
  chain(name: string): Promise<readonly TemplateText[]>;
}

export interface TemplateDirectories {
  readonly own: string;
  readonly shipped: string;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const SUFFIX = '.toml';
const MAX_BYTES = 256 * 1024;
const MAX_CHAIN = 8;
const MAX_FILES = 256;

export function createAnswerTemplates(directories: TemplateDirectories): AnswerTemplates {
  return {
    list: async () => {
      const names = await namesIn(directories);
      return Promise.all([...names].map(([name, isOwn]) => entryOf(directories, name, isOwn)));
    },
    chain: (name) => chainOf(directories, name),
  };
}

/** Each name with whether the operator's own file bears it; sorted. */
async function namesIn({ own, shipped }: TemplateDirectories): Promise<ReadonlyMap<string, boolean>> {
  const found = new Map<string, boolean>();
  for (const name of await filesIn(shipped)) found.set(name, false);
  for (const name of await filesIn(own)) found.set(name, true);
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function filesIn(directory: string): Promise<readonly string[]> {
  try {
    const files = await readdir(directory);
    const names = files.filter((file) => file.endsWith(SUFFIX)).map((file) => file.slice(0, -SUFFIX.length));
    return names.filter((name) => NAME.test(name)).slice(0, MAX_FILES);
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return []; // nobody has templates of their own yet
    throw unreadable(directory, thrown);
  }
}

async function entryOf(directories: TemplateDirectories, name: string, isOwn: boolean): Promise<TemplateEntry> {
  const path = pathOf(directories, name, isOwn);
  const { template, faults } = readTemplate(name, `${name}${SUFFIX}`, await contentOf(path));
  const { description, base, products } = template;
  return { name, path, isOwn, description, extends: base, products, faults };
}

function pathOf({ own, shipped }: TemplateDirectories, name: string, isOwn: boolean): string {
  return join(isOwn ? own : shipped, `${name}${SUFFIX}`);
}

async function chainOf(directories: TemplateDirectories, name: string): Promise<readonly TemplateText[]> {
  const names = await namesIn(directories);
  const chain: TemplateText[] = [];
  const seen = new Set<string>();
  let wanted: { readonly name: string; readonly isShipped: boolean } | null = { name, isShipped: false };
  while (wanted !== null) {
    const isOwn: boolean = !wanted.isShipped && names.get(wanted.name) === true;
    const key = `${wanted.name} ${String(isOwn)}`;
    if (seen.has(key) || chain.length >= MAX_CHAIN) throw circle(chain, wanted.name);
    seen.add(key);
    const template = await one(directories, names, wanted.name, isOwn, chain[0]);
    chain.unshift(template);
    // A template of one's own may extend the one of its name that comes along.
    wanted = template.base === null ? null : { name: template.base, isShipped: isOwn && template.base === template.name };
  }
  return chain;
}

async function one(
  directories: TemplateDirectories,
  names: ReadonlyMap<string, boolean>,
  name: string,
  isOwn: boolean,
  asker: TemplateText | undefined,
): Promise<TemplateText> {
  if (!names.has(name)) throw unknown(directories, [...names.keys()], name, asker);
  const { template, faults } = readTemplate(name, `${name}${SUFFIX}`, await contentOf(pathOf(directories, name, isOwn)));
  const [first] = faults;
  if (first !== undefined)
    throw fail('install.bad_template', {
      message: `the answer template ${name} is not sound: ${faultText(first)}`,
      hint: `Edit ${pathOf(directories, name, isOwn)}.`,
      detail: { faults },
    });
  return template;
}

function unknown({ own, shipped }: TemplateDirectories, names: readonly string[], name: string, asker: TemplateText | undefined) {
  const word = near(name, names);
  const by = asker === undefined ? '' : `, which ${asker.source} extends`;
  return fail('install.no_template', {
    message: `there is no answer template ${JSON.stringify(name)}${by}, neither in ${own} nor in ${shipped}`,
    hint: `${word === undefined ? '' : `Did you mean ${word}? `}There is: ${names.join(', ')}. Your own go into ${own}, as ${SUFFIX} files.`,
  });
}

function circle(chain: readonly TemplateText[], name: string) {
  const way = [name, ...chain.map((template) => template.name)].toReversed().join(' → ');
  return fail('install.bad_template', {
    message: `answer templates extend each other in a circle, or more than ${MAX_CHAIN} deep: ${way}`,
    hint: 'Take out an extends.',
  });
}

async function contentOf(path: string): Promise<string> {
  try {
    const bytes = await readFile(path);
    if (bytes.length > MAX_BYTES) throw new RangeError(`has ${bytes.length} bytes; at most ${MAX_BYTES} are read`);
    return bytes.toString('utf8');
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
}

function unreadable(path: string, cause: unknown) {
  return fail('install.bad_template', {
    message: `${path} can't be read: ${messageOf(cause)}`,
    hint: 'Look at its owner and mode.',
    cause,
  });
}
