// How answers are printed: a table for people, JSON or YAML for programs. Data goes to stdout, words to stderr.

import { stringify } from 'yaml';

export const FORMATS = ['table', 'json', 'yaml'] as const;
export type Format = (typeof FORMATS)[number];

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => unknown;
}

/** A list as a table of the given columns, or whole as JSON or YAML. */
export function renderList<Row>(rows: readonly Row[], columns: readonly Column<Row>[], format: Format): string {
  if (format !== 'table') return renderValue(rows, format);
  const cells = [columns.map((column) => column.title), ...rows.map((row) => columns.map((column) => cell(column.value(row))))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)));
  return `${cells
    .map((line) =>
      line
        .map((text, index) => text.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')}\n`;
}

/** One row by itself, for what comes row by row. */
export function renderLine(values: readonly unknown[]): string {
  return values.map(cell).join('  ');
}

/** One thing: a line a field, or whole as JSON or YAML. */
export function renderOne(record: Readonly<Record<string, unknown>>, format: Format): string {
  if (format !== 'table') return renderValue(record, format);
  const width = Math.max(...Object.keys(record).map((key) => key.length));
  return `${Object.entries(record)
    .map(([key, value]) => `${key.padEnd(width)}  ${cell(value)}`)
    .join('\n')}\n`;
}

export function renderValue(value: unknown, format: 'json' | 'yaml'): string {
  return format === 'json' ? `${JSON.stringify(value, null, 2)}\n` : stringify(value);
}

/** One line a cell, and nothing that moves the terminal's cursor: texts may come from a hostile machine. */
function cell(value: unknown): string {
  if (value === null || value === undefined || value === '') return '-';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.replaceAll(/\p{Cc}+/gu, ' ');
}

/** UTC, to the second: sorts as it reads. */
export function time(value: unknown): string {
  const date = typeof value === 'number' || typeof value === 'string' ? new Date(value) : undefined;
  return date === undefined || Number.isNaN(date.getTime()) ? '-' : date.toISOString().slice(0, 19).replace('T', ' ');
}

/** Messages may hold names that a hostile machine gave itself: nothing in them moves the terminal's cursor. */
export function harmless(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n]/gu, ' ');
}
