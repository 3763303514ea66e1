// The schema as a file may be written: what has a default may be left out. Plain JSON, for ajv, editors and the walkers in this folder.

import { ConfigSchema } from './schema.ts';

/** The part of JSON Schema (draft 7) that our schema uses, and our own words (x-…). */
export interface SchemaNode {
  readonly $schema?: string;
  readonly title?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly enum?: readonly string[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: boolean;
  readonly items?: SchemaNode;
  readonly required?: readonly string[];
  /** The default in words, where it depends on other settings. */
  readonly 'x-default'?: string;
  readonly 'x-expected'?: string;
  /** The key that this one takes the place of: the example shows it in words only. */
  readonly 'x-instead'?: string;
  /** A reference to a secret: a plain text is refused and never repeated in messages. */
  readonly 'x-secret'?: boolean;
  /** May hold a password by mistake: never repeated in messages. */
  readonly 'x-hide'?: boolean;
}

export const OWN_WORDS = ['x-default', 'x-expected', 'x-instead', 'x-secret', 'x-hide'] as const;

let made: SchemaNode | undefined;

/** The published JSON Schema of rackseed.toml. */
export function jsonSchema(): SchemaNode {
  // TypeBox schemas are JSON Schema; JSON drops TypeBox's own hidden marks, and SchemaNode names the keywords that fields.ts can produce.
  made ??= { $schema: 'http://json-schema.org/draft-07/schema#', ...relaxed(JSON.parse(JSON.stringify(ConfigSchema)) as SchemaNode) };
  return made;
}

/** True when a file may leave this out although the configuration in memory always has it. */
export function canBeOmitted(node: SchemaNode): boolean {
  if (node.default !== undefined || node['x-default'] !== undefined) return true;
  return node.properties !== undefined && node.minProperties === undefined && (node.required ?? []).length === 0;
}

export function isTableList(node: SchemaNode): boolean {
  return node.items?.properties !== undefined;
}

/** The same schema without the demand for what has a default, from the leaves up. */
function relaxed(node: SchemaNode): SchemaNode {
  const items = node.items === undefined ? {} : { items: relaxed(node.items) };
  if (node.properties === undefined) return { ...node, ...items };
  const properties = Object.fromEntries(Object.entries(node.properties).map(([key, child]) => [key, relaxed(child)]));
  const { required = [], ...rest } = node;
  const demanded = required.filter((key) => !canBeOmitted(properties[key] ?? {}));
  return { ...rest, ...items, ...(demanded.length === 0 ? {} : { required: demanded }), properties };
}
