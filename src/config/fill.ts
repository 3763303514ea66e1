// A checked tree → the same with every default, in the order of the schema. Pure.

import { canBeOmitted, type SchemaNode } from './json-schema.ts';
import { isTable } from './pointer.ts';

/** Fills defaults that stand in the schema. Wrong values stay as they are: they are reported elsewhere. */
export function fill(node: SchemaNode, value: unknown): unknown {
  if (value === undefined) {
    if (node.default !== undefined) return structuredClone(node.default);
    return node.properties !== undefined && canBeOmitted(node) ? fill(node, {}) : undefined;
  }
  if (Array.isArray(value)) return node.items === undefined ? value : value.map((item: unknown) => fill(node.items ?? {}, item));
  if (!isTable(value)) return value;
  if (node.properties === undefined) return { ...value };
  const entries = Object.entries(node.properties).map(([key, child]): [string, unknown] => [
    key,
    fill(child, Object.hasOwn(value, key) ? value[key] : undefined),
  ]);
  return Object.fromEntries(entries.filter(([, filled]) => filled !== undefined));
}

function isReference(node: SchemaNode): boolean {
  return node['x-secret'] === true;
}

/** The pointers of all single settings in a filled tree: lists of plain values and references count as one. */
export function leaves(node: SchemaNode, value: unknown, pointer = ''): string[] {
  if (node.items?.properties !== undefined && Array.isArray(value) && value.length > 0)
    return value.flatMap((item: unknown, index) => leaves(node.items ?? {}, item, `${pointer}/${index}`));
  if (node.properties === undefined || isReference(node) || !isTable(value)) return [pointer];
  return Object.entries(node.properties).flatMap(([key, child]) =>
    value[key] === undefined ? [] : leaves(child, value[key], `${pointer}/${key}`),
  );
}
