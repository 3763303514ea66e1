// The commented rackseed.toml, made from the schema. Prose lines begin with "# ", settings with "#": taking that "#" away sets them.

import { expectedOf } from './explain.ts';
import { isTableList, jsonSchema, type SchemaNode } from './json-schema.ts';
import { tomlValue } from './toml-text.ts';

const WIDTH = 110;
/** Keeps two words on one line; written as a plain space. */
const NO_BREAK = '\u00a0';

const HEAD = [
  'The configuration of a Rackseed appliance. As it stands it changes nothing: every setting is shown with its default, or with an example where it has none. Take the "#" before a setting away to set it.',
  '',
  'Look for mistakes:         rackseed config check',
  'See what is in force:      rackseed config show',
  'Let your editor complete:  rackseed config schema > rackseed.schema.json',
  '',
  'Each setting can also come from the environment: RACKSEED_DHCP_MODE=proxy is mode in [dhcp].',
];

/** `schema`: where an editor finds the JSON Schema, as a URL or relative to the file. */
export function renderExample({ schema = './rackseed.schema.json' }: { readonly schema?: string } = {}): string {
  const sections = Object.entries(jsonSchema().properties ?? {}).flatMap(([name, node]) => ['', ...renderTable(name, node)]);
  return `${[`#:schema ${schema}`, ...HEAD.flatMap(prose), ...sections].join('\n')}\n`;
}

function renderTable(name: string, node: SchemaNode): string[] {
  if (isTableList(node)) return [...prose(node.items?.description ?? ''), `#[[${name}]]`, ...renderKeys(name, node.items ?? {})];
  return [...prose(node.description ?? ''), `[${name}]`, ...renderKeys(name, node)];
}

/** Single settings first: in TOML what follows the header of a sub-table belongs to that. */
function renderKeys(name: string, node: SchemaNode): string[] {
  const keys = Object.entries(node.properties ?? {});
  const single = keys.filter(([, child]) => !isTableList(child)).flatMap(([key, child]) => renderKey(key, child, node));
  const tables = keys.filter(([, child]) => isTableList(child)).flatMap(([key, child]) => ['', ...renderTable(`${name}.${key}`, child)]);
  return [...single, ...tables];
}

function renderKey(key: string, node: SchemaNode, parent: SchemaNode): string[] {
  const line = `${key} = ${tomlValue(sample(node))}`;
  const words = [node.description ?? '', oneOfWords(node), parts(node), defaultWords(key, node, parent)]
    .filter((part) => part !== '')
    .join(' ');
  return ['', ...prose(words), node['x-instead'] === undefined ? `#${line}` : `# Or, in place of ${node['x-instead']}: ${line}`];
}

/** The default where it shows something, else the first example. */
function sample(node: SchemaNode): unknown {
  const isEmpty = node.default === undefined || (typeof node.default === 'object' && Object.keys(node.default ?? {}).length === 0);
  return isEmpty ? node.examples?.[0] : node.default;
}

function oneOfWords(node: SchemaNode): string {
  return node.enum === undefined || node.enum.every((word) => node.description?.includes(word) === true)
    ? ''
    : `${capital(expectedOf(node, ''))}.`;
}

function parts(node: SchemaNode): string {
  if (node.properties === undefined || node['x-secret'] === true) return '';
  return `Keys: ${Object.keys(node.properties).join(', ')}.`;
}

function defaultWords(key: string, node: SchemaNode, parent: SchemaNode): string {
  if (node['x-default'] !== undefined) return `Default: ${node['x-default']}.`;
  if (parent.required?.includes(key) === true) return 'Must be given.';
  if (node.default === undefined) return 'Default: not set.';
  return `Default:${NO_BREAK}${tomlValue(node.default)}.`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function prose(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(/(?<=\S) (?=\S)/)) {
    const last = lines.at(-1);
    if (last === undefined || last.length + word.length + 1 > WIDTH) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.map((line) => `# ${line.replaceAll(NO_BREAK, ' ')}`.trimEnd());
}
