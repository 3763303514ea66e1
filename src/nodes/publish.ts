// docs/reference/states.svg and states.md, made from the table. A test fails when the committed files differ.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mermaidText, statesSvg } from './diagram.ts';
import { verbsFrom } from './machine.ts';
import { DELETABLE_STATES, MOVES, type Move, STATES, type StateRow, UPDATE_ALLOWED_STATES, VERBS } from './states.ts';

export interface DocFile {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
}

export function stateDocs(): readonly DocFile[] {
  return [
    { path: 'docs/reference/states.svg', text: statesSvg() },
    { path: 'docs/reference/states.md', text: statesPage() },
  ];
}

/** Writes the files; returns their paths. */
export async function publishStates(root: string): Promise<string[]> {
  const docs = stateDocs();
  for (const { path, text } of docs) await writeFile(join(root, path), text);
  return docs.map(({ path }) => path);
}

function statesPage(): string {
  return `# Provision states

Made from the table in \`src/nodes/states.ts\`; do not edit. The states, verbs and moves are Ironic's.

![The provision states of a node](states.svg)

## States

A *working* or *waiting* state ends by itself: when nothing was heard for the time given, a timer pulls \`fail\`. After a restart
\`resume\` goes on with the task at its unfinished step (without a task the node fails, with the reason); \`wait\` goes on waiting.

${table(['state', 'kind', 'target', 'time-out', 'after a restart', 'verbs'], STATES.map(stateRow))}

A user may change a node's fields in every state that has no target, and in ${list(UPDATE_ALLOWED_STATES)}; maintenance can be set
always. A node may be removed in ${list(DELETABLE_STATES)}, and in every state under maintenance.

## Verbs

${table(['verb', 'event', 'label', 'possible from'], VERBS.map(verbRow))}

## Moves

Guards: *protected* nodes are neither torn down nor re-imaged; *maintenance* refuses new work; *ignored* machines are never touched;
*automatic_clean* keeps a manual clean from ending in \`available\`.

${table(['from', 'event', 'to', 'pulled by', 'guards'], MOVES.map(moveRow))}

<details><summary>As Mermaid text</summary>

\`\`\`text
${mermaidText()}\`\`\`

</details>
`;
}

function stateRow(state: StateRow & (typeof STATES)[number]): string[] {
  const timeout = 'timeout' in state ? spoken(state.timeout.seconds) : '';
  const resume = 'onResume' in state ? state.onResume : '';
  return [`\`${state.name}\``, state.kind, state.target ?? '', timeout, resume, verbsFrom(state.name).join(', ')];
}

function verbRow(row: (typeof VERBS)[number]): string[] {
  const from = MOVES.filter((move: Move) => move.event === row.event && move.who.includes('user')).map((move) => move.from);
  const label = 'of' in row ? `same as \`${row.of}\`` : row.label;
  return [`\`${row.verb}\``, row.event, label, from.join(', ')];
}

function moveRow(move: Move): string[] {
  const to = move.target === undefined ? move.to : `${move.to} (target ${move.target})`;
  return [move.from, `\`${move.event}\``, to, move.who.join(', '), (move.guards ?? []).join(', ')];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function list(words: readonly string[]): string {
  return words.map((word) => `\`${word}\``).join(', ');
}

function spoken(seconds: number): string {
  return seconds >= 7200 ? `${seconds / 3600} h` : `${seconds / 60} min`;
}
