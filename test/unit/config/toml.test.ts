import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readToml } from '../../../src/config/toml.ts';
import { tomlValue } from '../../../src/config/toml-text.ts';
import { containing } from './load-text.ts';

function document(source: string) {
  const read = readToml(source);
  if ('fault' in read) throw new Error(read.fault.message);
  return read.document;
}

function fault(source: string) {
  const read = readToml(source);
  if ('document' in read) throw new Error('no fault found');
  return read.fault;
}

/** Without the missing prototypes, which toEqual would not mind but a reader of a failure would. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('reading TOML', () => {
  it('gives the values of every way to write a table', () => {
    const source = 'a = 1\nb.c = "x"\n[d]\ne = [1, { f = true }]\n[[g]]\nh = 1.5\n[g.i]\nj = 2\n[[g]]\n[[g.k]]\nl = 3\n"m.n" = 4';
    expect(plain(document(source).value)).toEqual({
      a: 1,
      b: { c: 'x' },
      d: { e: [1, { f: true }] },
      g: [{ h: 1.5, i: { j: 2 } }, { k: [{ l: 3, 'm.n': 4 }] }],
    });
  });

  it('knows the line and column of every key and value', () => {
    const { keys, values } = document('[dhcp]\n  mode = "off"\n\n[[dhcp.subnet]]\nranges = [\n  "a",\n  "b",\n]\n');
    expect(keys.get('/dhcp')).toEqual({ line: 1, column: 1 });
    expect(keys.get('/dhcp/mode')).toEqual({ line: 2, column: 3 });
    expect(values.get('/dhcp/mode')).toEqual({ line: 2, column: 10 });
    expect(values.get('/dhcp/subnet/0')).toEqual({ line: 4, column: 1 });
    expect(values.get('/dhcp/subnet/0/ranges/1')).toEqual({ line: 7, column: 3 });
  });

  it('reads lines that end as on Windows', () => {
    expect(plain(document('a = 1\r\n[b]\r\nc = 2\r\n').value)).toEqual({ a: 1, b: { c: 2 } });
  });

  it('takes __proto__ and constructor for keys like any other', () => {
    const { value } = document('__proto__ = { polluted = true }\n[constructor]\nprototype = 1\n[a.__proto__]\nb = 1');
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor', 'a']);
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect({}).not.toHaveProperty('polluted');
  });

  it('notices whole numbers that it cannot hold exactly', () => {
    expect(document('a = 9007199254740993\nb = 9007199254740991').inexact).toEqual([{ pointer: '/a', written: '9007199254740993' }]);
  });

  it.each([
    ['a value is missing', '[a]\nb =\n\nc = 1', 2, 'the value is missing'],
    ['a value is missing at the end', 'a =\n', 1, 'the value is missing'],
    ['two settings share a line', 'a = 1 b = 2', 1, 'something follows the value'],
    ['a quotation mark is missing', 'x = 1\na = "x\nb = 1', 2, 'the closing quotation mark'],
    ['a bracket is missing', 'a = [1, 2', 1, 'the closing bracket'],
    ['a text has no quotation marks', 'mode = full', 1, 'this character cannot stand here'],
    ['a header has no end', '[dhcp\nmode = "off"', 1, 'the closing bracket of the table name'],
    ['only a comment stands for the value', 'a = # none\nb = 1', 1, 'the value is missing'],
    ['a value stands on the next line', 'a =\n1', 1, 'the value is missing'],
    ['a sign of equality is missing', '[dhcp]\nmode', 2, '"=" and a value are missing'],
    ['a text has an unknown escape', 'a = "C:\\data"', 1, 'escape'],
  ])('says where and what when %s', (_, source, line, message) => {
    expect(fault(source)).toMatchObject({ line, message: containing(message) });
  });

  it.each([
    ['a key', '[dhcp]\nmode = "off"\nport = 67\nmode = "full"', 4, 'dhcp.mode is written twice; it already stands on line 2'],
    ['a key at the top', 'a = 1\na = 2', 2, 'a is written twice; it already stands on line 1'],
    ['a table', '[dhcp]\n[tftp]\n[dhcp]\n', 3, 'dhcp is written twice; it already stands on line 1'],
    [
      'a key in one table of a list',
      '[[rule]]\nname = "a"\n[[rule]]\nname = "b"\nname = "c"',
      5,
      'rule[1].name is written twice; it already stands on line 4',
    ],
    ['a key inside braces', 'a = { b = 1, b = 2 }', 1, 'a key is written twice'],
  ])('names both places of %s written twice', (_, source, line, message) => {
    expect(fault(source)).toMatchObject({ line, message });
  });

  it.each([
    ['lists', `a = ${'['.repeat(10_000)}`],
    ['closed lists', `a = ${'['.repeat(10_000)}${']'.repeat(10_000)}`],
    ['inline tables', `a = ${'{ a = '.repeat(10_000)}`],
    ['a dotted key', `${'a.'.repeat(10_000)}a = 1`],
    ['a header', `[${'a.'.repeat(10_000)}a]`],
  ])('survives %s nested without measure', (_, source) => {
    expect(fault(source).message).not.toBe('');
  });

  it('reads back what tomlValue writes', () => {
    const key = fc.string({ minLength: 1, maxLength: 10 });
    const leaf = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }).filter((text) => text.isWellFormed()),
      fc.boolean(),
      fc.integer(),
    );
    const value = fc.oneof(leaf, fc.array(leaf, { maxLength: 5 }), fc.dictionary(key, leaf, { maxKeys: 5 }));
    fc.assert(
      fc.property(value, (written) => {
        expect(plain(document(`a = ${tomlValue(written)}`).value.a)).toEqual(plain(written));
      }),
    );
  });
});
