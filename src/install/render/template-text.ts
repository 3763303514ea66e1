// One answer template, read: its document with lines, and what it says of itself. Pure; knows no files.

import { readToml } from '../../config/index.ts';
import { PRODUCTS, type Product } from '../seam.ts';
import { at, type Branch, nothing, type TableBranch, tableOf } from './layers-render.ts';
import type { PlacedFault } from './placed.ts';

export interface TemplateText {
  readonly name: string;
  /** The file's name, for people. */
  readonly source: string;
  readonly description: string;
  /** Its base, if it has one. */
  readonly base: string | null;
  /** Keys of its base that it takes away. */
  readonly remove: readonly { readonly key: string; readonly line: number | null }[];
  /** Empty: for all of them. */
  readonly products: readonly Product[];
  readonly table: TableBranch;
}

/** What a template says of itself; all else is the answer's. */
export const META_KEYS: readonly string[] = ['extends', 'remove', 'description', 'products'];

export function readTemplate(
  name: string,
  source: string,
  text: string,
): { readonly template: TemplateText; readonly faults: readonly PlacedFault[] } {
  const read = readToml(text);
  if ('fault' in read) {
    const { line, message } = read.fault;
    const fault = { key: '', line, source, message: `is not TOML: ${message}`, fix: 'Mend that line.', severity: 'error' } as const;
    return { template: { ...EMPTY, name, source, table: nothing(source) }, faults: [fault] };
  }
  const { value, keys, values } = read.document;
  const table = tableOf({ value, source, keys, values });
  const faults: PlacedFault[] = [];
  const texts = (key: string): readonly Text[] => textsAt(at(table, [key]), key, faults);
  const [base] = texts('extends');
  const remove = texts('remove').map(({ text: removed, line }) => ({ key: removed, line }));
  const products = texts('products').flatMap(({ text: word, line }) => productOf(word, line, source, faults));
  const description = texts('description')[0]?.text ?? '';
  return { template: { name, source, table, base: base?.text ?? null, remove, products, description }, faults };
}

const EMPTY = { base: null, remove: [], products: [], description: '' } as const;

interface Text {
  readonly text: string;
  readonly line: number | null;
}

const LISTS: readonly string[] = ['remove', 'products'];

function textsAt(branch: Branch | undefined, key: string, faults: PlacedFault[]): readonly Text[] {
  if (branch === undefined) return [];
  const isList = LISTS.includes(key);
  const items = branch.kind === 'list' && isList ? branch.items : [branch];
  const isShape = isList === (branch.kind === 'list');
  const texts = items.flatMap(({ origin, ...item }) =>
    'value' in item && typeof item.value === 'string' ? [{ text: item.value, line: origin.line }] : [],
  );
  if (isShape && texts.length === items.length) return texts;
  faults.push({
    key,
    ...branch.origin,
    message: `is no ${isList ? 'list of texts' : 'text'}`,
    fix: isList ? `Write ${key} = ["…"].` : `Write ${key} = "…".`,
    severity: 'error',
  });
  return [];
}

function productOf(word: string, line: number | null, source: string, faults: PlacedFault[]): readonly Product[] {
  const product = PRODUCTS.find((one) => one === word);
  if (product !== undefined) return [product];
  const message = `${JSON.stringify(word)} is no product`;
  faults.push({ key: 'products', line, source, message, fix: `Known: ${PRODUCTS.join(', ')}.`, severity: 'error' });
  return [];
}
