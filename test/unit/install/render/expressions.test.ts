import fc from 'fast-check';
import { expect, test } from 'vitest';
import { renderText } from '../../../../src/install/render/expressions-render.ts';

const facts = {
  node: { name: 'pve1', serial: null, macs: ['52:54:00:00:00:01', '52:54:00:00:00:02'], memory_mb: 16_384 },
  variables: { maxvz: 0, flag: true, list: ['a', 'b'], odd: 'a"b\n[x]\ny = 1 {{node.name}}', deep: { x: 1 } },
};

const value = (text: string) => {
  const outcome = renderText(text, facts);
  return 'value' in outcome ? outcome.value : outcome.fault;
};
const fault = (text: string) => {
  const outcome = renderText(text, facts);
  if (!('fault' in outcome)) throw new Error(`rendered to ${JSON.stringify(outcome.value)}`);
  return outcome.fault;
};

test('a value that is one expression keeps the type of the fact', () => {
  expect(value('{{variables.maxvz}}')).toBe(0);
  expect(value('{{variables.flag}}')).toBe(true);
  expect(value('{{variables.list}}')).toEqual(['a', 'b']);
  expect(value('{{ node.name }}')).toBe('pve1');
  expect(value('{{{node.name}}}')).toBe('pve1');
});

test('an expression among other words gives a text', () => {
  expect(value('{{node.name}}.example.org')).toBe('pve1.example.org');
  expect(value('{{variables.maxvz}} GB')).toBe('0 GB');
  expect(value('{{variables.flag}}{{variables.maxvz}}')).toBe('true0');
});

test('nothing is escaped, and what a fact holds is never read again', () => {
  expect(value('{{variables.odd}}')).toBe('a"b\n[x]\ny = 1 {{node.name}}');
  expect(value('x{{variables.odd}}')).toBe('xa"b\n[x]\ny = 1 {{node.name}}');
});

test('a text without braces and one with escaped braces stay as they are', () => {
  expect(value('a } b { c')).toBe('a } b { c');
  expect(value('\\{{node.name}}')).toBe('{{node.name}}');
});

test.each([
  ['{{lower "AbC"}}', 'abc'],
  ['{{upper node.name}}', 'PVE1'],
  ['{{replace node.macs.[0] ":" ""}}', '525400000001'],
  ['{{replace node.name "" "$&"}}', 'pve1'],
  ['{{replace node.name "p" "$&"}}', '$&ve1'],
  ['{{slice node.name -1}}', '1'],
  ['{{slice node.name 0 3}}', 'pve'],
  ['{{slice node.macs 1}}', ['52:54:00:00:00:02']],
  ['{{join node.macs " "}}', '52:54:00:00:00:01 52:54:00:00:00:02'],
  ['{{join variables.list}}', 'a,b'],
  ['{{default variables.none 8}}', 8],
  ['{{default node.serial "x"}}', 'x'],
  ['{{default variables.maxvz 8}}', 0],
  ['{{default variables.none node.name}}', 'pve1'],
  ['{{optional variables.maxvz}}', 0],
  ['{{optional variables.none}}', undefined],
  ['{{lower (slice (replace node.macs.[0] ":" "") -4)}}', '0001'],
])('%s gives %j', (text, wanted) => {
  expect(value(text)).toEqual(wanted);
});

test('a missing fact is named, with what there is', () => {
  expect(fault('{{node.nmae}}')).toEqual({
    message: 'there is no fact "node.nmae"',
    fix: 'Did you mean node.name? There is: name, serial, macs, memory_mb.',
  });
  expect(fault('{{variables.max_vz}}').fix).toBe(
    'Did you mean variables.maxvz? Write it into variables of the [[profile]]. There is: maxvz, flag, list, odd, deep.',
  );
  expect(fault('{{nodes.name}}').fix).toBe('Did you mean node? There is: node, variables.');
  expect(fault('{{node.name.first}}').fix).toBe('node.name has nothing below it.');
});

test('a fact that this machine lacks is told from one that nobody has', () => {
  expect(fault('{{node.serial}}')).toEqual({
    message: 'node.serial is not known of this machine',
    fix: 'Write {{default node.serial "…"}}, or {{optional node.serial}} to leave the key out.',
  });
  expect(fault('{{lower node.serial}}').message).toBe('node.serial is not known of this machine');
  expect(fault('a{{optional node.serial}}').message).toContain('is empty in the middle of a text');
});

test.each([
  '{{#if node.name}}a{{/if}}',
  '{{#each node.macs}}{{this}}{{/each}}',
  '{{> partial}}',
  '{{* decorator}}',
  '{{lookup node "name"}}',
  '{{log node.name}}',
  '{{node.name',
  '{{}}',
  '{{this}}',
  '{{../node.name}}',
  '{{@root.node.name}}',
  '{{node.constructor}}',
  '{{node.__proto__}}',
  '{{node.name.length}}',
  '{{node.macs.length}}',
  '{{constructor.constructor "return process"}}',
  '{{toString}}',
  '{{default}}',
  '{{default null 1}}',
  '{{lower node.macs}}',
  '{{slice node.name 0.5}}',
  '{{join node.name}}',
  '{{lower node.name x=1}}',
  'a {{variables.list}}',
  'a {{variables.deep}}',
])('%s is refused', (text) => {
  const { message, fix } = fault(text);
  expect(message.length).toBeGreaterThan(5);
  expect(fix.length).toBeGreaterThan(5);
});

test('whatever is written, it gives a value or a fault and never throws', () => {
  const piece = fc.constantFrom(
    '{{',
    '}}',
    '{{{',
    'node',
    '.',
    'name',
    ' ',
    '"',
    '(',
    ')',
    '#',
    '/',
    'default',
    '@',
    '..',
    '[',
    ']',
    '\\',
    '~',
    '!--',
    '0',
    '|',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => {
      renderText(pieces.join(''), facts);
    }),
    { numRuns: 3000 },
  );
});

test('a text of a fact comes out as it went in', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(renderText('{{x}}', { x: text })).toEqual({ value: text });
      expect(renderText('<{{x}}>', { x: text })).toEqual({ value: `<${text}>` });
    }),
    { numRuns: 50 },
  );
});

test('a text that helpers make is measured before it is made, also where it stands alone', () => {
  const grown = (levels: number): string => (levels === 0 ? '"aaaaaaaaaa"' : `(replace ${grown(levels - 1)} "a" "aaaaaaaaaa")`);
  expect(fault(`{{lower ${grown(8)}}}`).message).toBe('it gives a text of 100000 characters');
  const rows = { variables: { list: Array.from({ length: 100 }, () => 'x') } };
  expect(renderText(`{{join variables.list "${'y'.repeat(1000)}"}}`, rows)).toMatchObject({ fault: { fix: 'At most 65536 are taken.' } });
});
