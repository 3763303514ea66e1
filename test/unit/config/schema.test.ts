import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { FORMATS } from '../../../src/config/formats.ts';
import {
  envVariables,
  jsonSchema,
  OTHER_VARIABLES,
  renderExample,
  SCHEMA_FILE,
  type SchemaNode,
  schemaText,
} from '../../../src/config/index.ts';
import { OWN_WORDS } from '../../../src/config/json-schema.ts';
import { readToml } from '../../../src/config/toml.ts';
import { compile, validate } from '../../../src/config/validate.ts';
import { load } from './load-text.ts';

/** Every key with its path, through tables and lists of tables. */
function everyKey(node: SchemaNode, path = ''): { path: string; node: SchemaNode; isRequired: boolean }[] {
  if (node.items !== undefined) return everyKey(node.items, path);
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => [
    { path: `${path}.${key}`.slice(path === '' ? 1 : 0), node: child, isRequired: node.required?.includes(key) === true },
    ...everyKey(child, path === '' ? key : `${path}.${key}`),
  ]);
}

const keys = everyKey(jsonSchema());
const settings = keys.filter(
  ({ node, path }) => node.properties === undefined && node.items?.properties === undefined && !/\.(env|file|credential)$/.test(path),
);

describe('the schema', () => {
  it('describes every key in a whole sentence', () => {
    expect(
      keys
        .filter(({ node }) => node.description === undefined || node.description.length < 8 || !node.description.endsWith('.'))
        .map(({ path }) => path),
    ).toEqual([]);
  });

  it('has an example for every setting, and each example is valid', () => {
    expect(settings.filter(({ node }) => (node.examples ?? []).length === 0).map(({ path }) => path)).toEqual([]);
    const wrong = settings.filter(({ node }) => {
      const check = compile(node);
      return !(node.examples ?? []).every((example) => check(example));
    });
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it('has only defaults that it accepts itself', () => {
    const wrong = keys.filter(({ node }) => node.default !== undefined && !compile(node)(node.default));
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it('spells keys in lower case with underscores', () => {
    expect(keys.filter(({ path }) => !/^(?:[a-z_]+|dhcp6)(?:\.[a-z_]+)*$/.test(path)).map(({ path }) => path)).toEqual([]);
  });

  it('accepts an empty file, and nothing unknown in any table', () => {
    expect(validate({})).toEqual([]);
    const open = keys.filter(
      ({ node }) =>
        (node.properties !== undefined && node.additionalProperties !== false) ||
        (node.items?.properties !== undefined && node.items.additionalProperties !== false),
    );
    expect(open.map(({ path }) => path)).toEqual([]);
  });

  it('is valid JSON Schema by its own declaration', () => {
    const ajv = new Ajv({ strict: true, allowUnionTypes: true });
    ajv.addVocabulary([...OWN_WORDS]);
    for (const [name, { test }] of Object.entries(FORMATS)) ajv.addFormat(name, test);
    formats.default(ajv, ['uuid']);
    expect(ajv.validateSchema(jsonSchema())).toBe(true);
    expect(() => ajv.compile(jsonSchema())).not.toThrow();
  });

  it('knows each format by a test and by words', () => {
    const used = new Set(keys.flatMap(({ node }) => [node.format, node.items?.format]).filter((name) => name !== undefined));
    expect([...used].filter((name) => name !== 'uuid' && FORMATS[name] === undefined)).toEqual([]);
    expect(Object.keys(FORMATS).filter((name) => !used.has(name))).toEqual([]);
  });

  it('gives every setting an environment variable of its own', () => {
    const names = [...envVariables().map(({ name }) => name), ...Object.keys(OTHER_VARIABLES)];
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('RACKSEED_DHCP_MODE');
    expect(names).toContain('RACKSEED_SERVER_DATA_DIR');
    expect(names).toContain('RACKSEED_DHCP_SUBNET');
    expect(names).toContain('RACKSEED_RULE');
  });

  it('is published as it is: after a change write it anew with publishSchema()', () => {
    expect(readFileSync(new URL(`../../../${SCHEMA_FILE}`, import.meta.url), 'utf8')).toBe(schemaText());
  });
});

/** Takes the "#" before every setting away. */
function uncommented(text: string): string {
  return text.replaceAll(/^#(?![ :]|$)/gm, '');
}

describe('the commented example', () => {
  const example = renderExample();

  it('begins with the line that tells editors the schema', () => {
    expect(example.split('\n')[0]).toBe('#:schema ./rackseed.schema.json');
    expect(renderExample({ schema: 'https://x.example/s.json' }).split('\n')[0]).toBe('#:schema https://x.example/s.json');
  });

  it('changes nothing as it stands', async () => {
    const loaded = await load(example);
    expect(loaded.config).toEqual((await load('')).config);
    expect([...loaded.origins.values()].filter(({ source }) => source !== 'default')).toEqual([]);
  });

  it('is valid with every setting uncommented, and then sets every one', async () => {
    const { config } = await load(uncommented(example));
    expect(config.dhcp.subnet[0]?.ranges).toEqual(['10.0.0.100-10.0.0.200']);
    expect(config.rule[0]?.match).toEqual({ manufacturer: 'Dell*', min_disks: 2 });
    expect(config.webhooks.target[0]?.secret).toEqual({ file: '/etc/rackseed/webhook-secret' });
  });

  it('mentions every key', () => {
    const read = readToml(uncommented(example));
    const written =
      'document' in read
        ? [...read.document.keys.keys()].map((pointer) => pointer.slice(1).replaceAll(/\/\d+/g, '').replaceAll('/', '.'))
        : [];
    const inWords = keys.filter(({ path, node }) => !written.includes(path) && node['x-instead'] === undefined);
    expect(inWords.filter(({ path }) => !/^rule\.match\.|\.(env|file|credential)$/.test(path)).map(({ path }) => path)).toEqual([]);
    for (const { path, node } of keys) if (node['x-instead'] !== undefined) expect(example).toContain(`: ${path.split('.').at(-1)} = `);
    for (const match of Object.keys(jsonSchema().properties?.rule?.items?.properties?.match?.properties ?? {}))
      expect(example).toContain(match);
  });

  it('fits a terminal', () => {
    expect(example.split('\n').filter((line) => line.startsWith('# ') && line.length > 120 && !line.startsWith('# Or,'))).toEqual([]);
  });
});
