// Members of a cluster as a table of comma-separated values (RFC 4180). Pure. Every bad row is named with its line and column.

import { cleanSmbiosUuid } from '../inspect/index.ts';
import { type Mac, nearest, parseIpv4, parseIpv6, parseMac } from '../lib/index.ts';
import { nameRefusal } from '../nodes/index.ts';
import type { SeenMember } from './model.ts';

export const CSV_COLUMNS = ['name', 'mac', 'uuid', 'address'] as const;
type Column = (typeof CSV_COLUMNS)[number];

export interface CsvProblem {
  /** From 1, as editors count; a quoted value may go over several. */
  readonly line: number;
  readonly column: string;
  readonly message: string;
}

export interface CsvMembers {
  readonly members: readonly SeenMember[];
  readonly problems: readonly CsvProblem[];
}

const MAX_ROWS = 512;
const MAX_PROBLEMS = 100;
const SHOWN = 60;

interface Row {
  readonly line: number;
  readonly values: readonly string[];
}

export function membersOfCsv(text: string): CsvMembers {
  const { rows, problem } = rowsOf(text.replace(/^\uFEFF/, ''));
  const [head, ...body] = rows;
  if (problem !== undefined) return { members: [], problems: [problem] };
  if (head === undefined) return { members: [], problems: [{ line: 1, column: 'name', message: 'the file is empty' }] };
  const wrong = headProblems(head);
  if (wrong.length > 0) return { members: [], problems: wrong };
  if (body.length > MAX_ROWS)
    return { members: [], problems: [{ line: body[MAX_ROWS]?.line ?? 0, column: 'name', message: `more than ${MAX_ROWS} rows` }] };
  return readRows(head.values.map(plain), body);
}

function readRows(columns: readonly string[], rows: readonly Row[]): CsvMembers {
  const seen = new Map<string, number>();
  const members: SeenMember[] = [];
  const problems: CsvProblem[] = [];
  for (const row of rows) {
    const { member, wrong } = readRow(columns, row, seen);
    problems.push(...wrong);
    if (member !== undefined && wrong.length === 0) members.push(member);
  }
  return { members, problems: problems.slice(0, MAX_PROBLEMS) };
}

function headProblems({ line, values }: Row): CsvProblem[] {
  const names = values.map(plain);
  const unknown = names.filter((name) => !CSV_COLUMNS.some((known) => known === name));
  const twice = names.filter((name, at) => names.indexOf(name) !== at);
  const problems = [
    ...unknown.map((name) => ({
      line,
      column: shown(name),
      message: `there is no such column${meant(name)}; columns are ${CSV_COLUMNS.join(', ')}`,
    })),
    ...twice.map((name) => ({ line, column: shown(name), message: 'the column is there twice' })),
  ];
  if (!names.includes('name')) problems.push({ line, column: 'name', message: 'the column is missing: the first line names the columns' });
  if (!names.includes('mac') && !names.includes('uuid'))
    problems.push({ line, column: 'mac', message: 'there is neither a column mac nor uuid: no machine could be recognised' });
  return problems;
}

function meant(name: string): string {
  const near = nearest(name, CSV_COLUMNS);
  return near === undefined ? '' : `, did you mean ${near}?`;
}

interface ReadRow {
  readonly member?: SeenMember;
  readonly wrong: readonly CsvProblem[];
}

function readRow(columns: readonly string[], { line, values }: Row, seen: Map<string, number>): ReadRow {
  const wrong: CsvProblem[] = [];
  const bad = (column: Column, message: string): void => {
    wrong.push({ line, column, message });
  };
  if (values.length !== columns.length)
    return {
      wrong: [
        {
          line,
          column: columns[Math.min(values.length, columns.length - 1)] ?? '',
          message: `${values.length} values for ${columns.length} columns`,
        },
      ],
    };
  const value = (column: Column): string => values[columns.indexOf(column)]?.trim() ?? '';
  const once = (column: Column, key: string): void => {
    const before = seen.get(`${column} ${key}`);
    if (before !== undefined && before !== line) bad(column, `${key} is in line ${before} already`);
    else seen.set(`${column} ${key}`, line);
  };

  const name = value('name');
  const refusal = name === '' ? 'it is empty' : nameRefusal(name);
  if (refusal === undefined) once('name', name.toLowerCase());
  else bad('name', refusal);

  const macs = readMacs(value('mac'), (message) => bad('mac', message));
  for (const mac of macs) once('mac', mac);

  const uuid = value('uuid');
  const smbiosUuid = cleanSmbiosUuid(uuid);
  if (uuid !== '' && smbiosUuid === null)
    bad('uuid', `${shown(uuid)} is no SMBIOS UUID, or one that many boards share (dmidecode -s system-uuid prints it)`);
  if (smbiosUuid !== null) once('uuid', smbiosUuid);
  if (macs.length === 0 && smbiosUuid === null && wrong.length === 0)
    bad('mac', 'neither a MAC nor a UUID: the machine could not be recognised');

  const addresses = words(value('address'));
  for (const address of addresses)
    if (parseIpv4(address) === undefined && parseIpv6(address) === undefined) bad('address', `${shown(address)} is no IP address`);
  return { member: { name, macs, smbiosUuid, addresses, memoryMb: null, cpus: null, bootMode: null, problem: null }, wrong };
}

function readMacs(text: string, bad: (message: string) => void): Mac[] {
  const macs = words(text).flatMap((word) => {
    const mac = parseMac(word);
    if (mac === undefined) bad(`${shown(word)} is no MAC address`);
    else if (mac === '00:00:00:00:00:00' || Number.parseInt(mac.slice(0, 2), 16) % 2 === 1) bad(`${mac} is no address of a network card`);
    return mac === undefined ? [] : [mac];
  });
  return [...new Set(macs)];
}

/** Several in one field: parted by spaces or semicolons. */
function words(text: string): string[] {
  return text.split(/[\s;]+/).filter((word) => word !== '');
}

function plain(name: string): string {
  return name.trim().toLowerCase();
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, SHOWN));
}

/** Lines that are empty, or begin with #, are left out. */
function rowsOf(text: string): { readonly rows: readonly Row[]; readonly problem?: CsvProblem } {
  const rows: Row[] = [];
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const begin = line;
    const values: string[] = [];
    for (;;) {
      const field = fieldAt(text, at);
      if (field === undefined)
        return {
          rows: [],
          problem: { line: begin, column: `${values.length + 1}`, message: 'a quoted value is not closed, or goes on after its quote' },
        };
      values.push(field.value);
      line += field.value.split('\n').length - 1;
      at = field.end;
      if (text[at] !== ',') break;
      at += 1;
    }
    at += text.startsWith('\r\n', at) ? 2 : 1;
    line += 1;
    const isNothing = values.length === 1 && (values[0]?.trim() === '' || values[0]?.startsWith('#') === true);
    if (!isNothing) rows.push({ line: begin, values });
  }
  return { rows };
}

const QUOTED = /"((?:[^"]|"")*)"(?=,|\r?\n|$)/y;
const BARE = /[^,\r\n]*/y;

function fieldAt(text: string, at: number): { readonly value: string; readonly end: number } | undefined {
  const form = text[at] === '"' ? QUOTED : BARE;
  form.lastIndex = at;
  const found = form.exec(text);
  if (found === null) return undefined;
  return { value: form === QUOTED ? (found[1] ?? '').replaceAll('""', '"') : found[0], end: form.lastIndex };
}
