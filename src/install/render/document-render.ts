// The document that an answer is made of: what [install] says, the chain of templates over it, the node's own words over that, with every
// expression worked out. A snapshot of what was agreed to: it holds no secret, and no disk, address or report yet. Pure.

import type { JsonObject, JsonValue } from '../../nodes/index.ts';
import type { Product } from '../seam.ts';
import { renderText } from './expressions-render.ts';
import { at, type Branch, lay, type Origin, type TableBranch, tableOf, without } from './layers-render.ts';
import type { Origins, PlacedFault } from './placed.ts';
import { refuseReserved } from './reserved-decide.ts';
import { META_KEYS, type TemplateText } from './template-text.ts';

/** Of [install]. */
export interface InstallDefaults {
  readonly keyboard: string;
  readonly country: string;
  readonly timezone: string;
  readonly mailto: string;
  readonly rootKeys: readonly string[];
}

export interface DocumentParts {
  readonly install: InstallDefaults;
  /** Base first. */
  readonly chain: readonly TemplateText[];
  /** instance_info.answer of the node. */
  readonly own: JsonObject | null;
  readonly facts: JsonObject;
  readonly product: Product;
  /** Name and domain of the node, unless a template says another. */
  readonly fqdn: string;
}

export interface PlannedDocument {
  readonly document: JsonObject;
  readonly fqdn: string;
  readonly faults: readonly PlacedFault[];
  readonly origins: Origins;
}

export const OWN_WORDS = 'instance_info.answer';

export function planDocument({ install, chain, own, facts, product, fqdn }: DocumentParts): PlannedDocument {
  const faults: PlacedFault[] = [];
  const allowed = (table: TableBranch): TableBranch => {
    const { rest, faults: found } = refuseReserved(table);
    faults.push(...found);
    return rest;
  };
  let table = defaults(install, fqdn);
  for (const template of chain) {
    faults.push(...notFor(template, product));
    table = lay(removed(table, template, faults), allowed(withoutMeta(template.table)));
  }
  if (own !== null) table = lay(table, allowed(tableOf({ value: own, source: OWN_WORDS })));
  const origins = new Map<string, Origin>();
  const document = rendered(table, facts, { faults, origins });
  const name = fqdnOf(document, origins, faults);
  return { document, fqdn: name, faults, origins };
}

function defaults(install: InstallDefaults, fqdn: string): TableBranch {
  const global = {
    keyboard: install.keyboard,
    country: install.country,
    timezone: install.timezone,
    mailto: install.mailto,
    fqdn,
    'root-ssh-keys': install.rootKeys,
    // Else a failed installer waits at a shell for somebody to come; like this the machine comes back to the network, where it is seen.
    'reboot-on-error': true,
  };
  return tableOf({ value: { global }, source: '[install]', isLiteral: true });
}

function notFor({ source, products }: TemplateText, product: Product): readonly PlacedFault[] {
  if (products.length === 0 || products.includes(product)) return [];
  const message = `is for ${products.join(', ')}, and the installer is that of ${product}`;
  return [{ key: 'products', line: null, source, message, fix: 'Name another answer_template, or another image.', severity: 'error' }];
}

function withoutMeta(table: TableBranch): TableBranch {
  return { ...table, entries: new Map([...table.entries].filter(([key]) => !META_KEYS.includes(key))) };
}

function removed(table: TableBranch, { remove, source }: TemplateText, faults: PlacedFault[]): TableBranch {
  let rest = table;
  for (const { key, line } of remove) {
    const path = key.replaceAll('_', '-').split('.');
    if (at(table, path) === undefined)
      faults.push({
        key: 'remove',
        line,
        source,
        message: `${JSON.stringify(key)} is not there to be removed`,
        fix: 'Name a key of the templates that this one extends, such as "disk-setup.lvm.maxvz".',
        severity: 'error',
      });
    rest = without(rest, path);
  }
  return rest;
}

interface Notes {
  readonly faults: PlacedFault[];
  readonly origins: Map<string, Origin>;
}

function rendered(table: TableBranch, facts: JsonObject, notes: Notes, key = ''): JsonObject {
  const pairs = [...table.entries].flatMap(([name, branch]): [string, JsonValue][] => {
    const path = key === '' ? name : `${key}.${name}`;
    notes.origins.set(path, branch.origin);
    const value = resultOf(branch, facts, notes, path);
    return value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(pairs);
}

function resultOf(branch: Branch, facts: JsonObject, notes: Notes, key: string): JsonValue | undefined {
  if (branch.kind === 'table') return rendered(branch, facts, notes, key);
  if (branch.kind === 'list')
    // A list that an expression gives becomes part of the list that it stands in.
    return branch.items.flatMap((item, index): JsonValue[] => {
      const value = resultOf(item, facts, notes, `${key}[${index}]`);
      if (value === undefined) return [];
      return item.kind === 'value' && Array.isArray(value) ? [...(value as readonly JsonValue[])] : [value]; // isArray says any[]
    });
  return scalar(branch, facts, notes, key);
}

function scalar(
  { value, isLiteral, origin }: Extract<Branch, { kind: 'value' }>,
  facts: JsonObject,
  notes: Notes,
  key: string,
): JsonValue | undefined {
  const refuse = (message: string, fix: string): undefined => {
    notes.faults.push({ key, ...origin, message, fix, severity: 'error' });
    return undefined;
  };
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value !== 'string') return refuse('is no value that an answer may have', 'Write a text, a number, true, false or a list.');
  if (isLiteral) return value;
  const outcome = renderText(value, facts);
  if ('fault' in outcome) return refuse(outcome.fault.message, outcome.fault.fix);
  if (typeof outcome.value === 'object' && outcome.value !== null && !Array.isArray(outcome.value))
    return refuse('gives a whole table, and expressions give values only', 'Name one of its keys.');
  // What JSON from outside may hold and UTF-8 can't.
  if (typeof outcome.value === 'string' && !outcome.value.isWellFormed())
    return refuse('holds half of a character, which no file can', 'Write the text anew.');
  return outcome.value;
}

/** The name must be known beforehand: the appliance waits for the machine of that name. */
function fqdnOf(document: JsonObject, origins: Origins, faults: PlacedFault[]): string {
  const { global } = document;
  const fqdn = typeof global === 'object' && global !== null && 'fqdn' in global ? global.fqdn : undefined;
  if (typeof fqdn === 'string') return fqdn;
  if (fqdn !== undefined || !faults.some(({ key }) => key === 'global.fqdn'))
    faults.push({
      key: 'global.fqdn',
      ...(origins.get('global.fqdn') ?? { source: '', line: null }),
      message: 'is no text: the appliance waits for a machine of a name that it knows',
      fix: 'Take it out, or write "{{node.name}}.example.org".',
      severity: 'error',
    });
  return '';
}
