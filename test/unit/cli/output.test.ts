import { describe, expect, it } from 'vitest';
import { readEvents } from '../../../src/cli/client.ts';
import { renderList, renderOne, time } from '../../../src/cli/output.ts';

const columns = [
  { title: 'NAME', value: (row: { name: string | null; state: string }) => row.name },
  { title: 'STATE', value: (row: { name: string | null; state: string }) => row.state },
];
const rows = [
  { name: 'pve1', state: 'active' },
  { name: null, state: 'enroll' },
];

describe('what the CLI prints', () => {
  it('is a table for people', () => expect(renderList(rows, columns, 'table')).toBe('NAME  STATE\npve1  active\n-     enroll\n'));
  it('is whole for programs', () => {
    expect(JSON.parse(renderList(rows, columns, 'json'))).toEqual(rows);
    expect(renderList(rows, columns, 'yaml')).toBe('- name: pve1\n  state: active\n- name: null\n  state: enroll\n');
  });
  it('never moves the cursor for a machine that names itself so', () => {
    expect(renderOne({ name: 'evil\u001b[2J\nname', disks: [{ a: 1 }] }, 'table')).toBe('name   evil [2J name\ndisks  [{"a":1}]\n');
  });
  it('shows times in UTC to the second', () => {
    expect([time(0), time('2026-11-21T10:00:00.123Z'), time(null), time('x')]).toEqual([
      '1970-01-01 00:00:00',
      '2026-11-21 10:00:00',
      '-',
      '-',
    ]);
  });
});

describe('the event stream', () => {
  async function* chunks(...texts: string[]) {
    for (const text of texts) yield new TextEncoder().encode(text);
  }
  it('is read event by event, however it is cut into pieces', async () => {
    const seen: unknown[] = [];
    for await (const event of readEvents(chunks(': hello\n\nid: 1\nda', 'ta: {"a":1}\n\n: beat\n\nid: 2\ndata: {"a":2}\n', '\n')))
      seen.push(event);
    expect(seen).toEqual([
      { id: '1', data: { a: 1 } },
      { id: '2', data: { a: 2 } },
    ]);
  });
});
