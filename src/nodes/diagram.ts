// The state table as pictures and data: SVG for docs and UI, Mermaid text, JSON. Pure; the places come from layout.ts.

import { type Arrow, type Box, type Layout, type Link, layOut, NOTE_HEIGHT, type Point } from './layout.ts';
import { MOVES, type Move, type ProvisionState, STATES, VERBS } from './states.ts';

const LEGEND_HEIGHT = 56;
const ARROW_HEAD = 7;

const STYLE = `
    .paper { fill: #ffffff } text { font: 11px system-ui, "DejaVu Sans", Verdana, sans-serif; fill: #3a4250 }
    .name { font-size: 12.5px; font-weight: 600; fill: #141a24 } .note { font-size: 10px }
    .box { fill: #f4f6f9; stroke: #8a94a3; stroke-width: 1.2 } .stable { stroke-width: 2.4 } .waiting, .held { stroke-dasharray: 5 3 }
    .good { fill: #dcf3e3; stroke: #23844a } .ready { fill: #e3edfb; stroke: #2f6fc4 } .new { fill: #efe8fb; stroke: #7a4fc0 }
    .bad { fill: #fde5e3; stroke: #c0392b } .attention { fill: #fdf1d6; stroke: #b57b0b }
    .line { fill: none; stroke: #8a94a3; stroke-width: 1.2 } .head { fill: #8a94a3 }
    .line.user { stroke: #1f5fbf; stroke-width: 1.7 } .head.user { fill: #1f5fbf }
    .line.failing { stroke: #c0392b; stroke-dasharray: 4 3 } .head.failing { fill: #c0392b }
    .halo { fill: #ffffff; fill-opacity: 0.92 } .pull { fill: #1f5fbf; font-weight: 600 } .current { stroke-width: 4.5 }
    @media (prefers-color-scheme: dark) {
      .paper { fill: #12161d } text { fill: #b8c1cf } .name { fill: #f0f3f7 } .box { fill: #1d232d; stroke: #6d7786 }
      .good { fill: #14331f; stroke: #4fc27d } .ready { fill: #16263f; stroke: #6ea8f5 } .new { fill: #291f3d; stroke: #b18cf0 }
      .bad { fill: #3a1a18; stroke: #f0796c } .attention { fill: #382b0e; stroke: #e2b04a }
      .line { stroke: #6d7786 } .head { fill: #6d7786 } .line.user { stroke: #7fb2ff } .head.user { fill: #7fb2ff }
      .line.failing { stroke: #f0796c } .head.failing { fill: #f0796c } .halo { fill: #12161d } .pull { fill: #7fb2ff }
    }`;

/** The whole machine as an SVG of its own; `current` is marked. */
export function statesSvg(options: { readonly current?: ProvisionState } = {}): string {
  const layout = layOut();
  const height = layout.height + LEGEND_HEIGHT;
  const title = 'The provision states of a node';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${layout.width} ${height}" width="${layout.width}" height="${height}" role="img" aria-label="${title}">`,
    `  <title>${title}</title>`,
    `  <style>${STYLE}\n  </style>`,
    `  <rect class="paper" width="${layout.width}" height="${height}"/>`,
    ...layout.arrows.map(lineSvg),
    ...layout.boxes.map((box) => boxSvg(box, options.current)),
    ...layout.arrows.map(labelSvg),
    legendSvg(layout),
    '</svg>',
    '',
  ].join('\n');
}

/** The same as Mermaid text, for pages that draw it themselves. */
export function mermaidText(): string {
  const id = (state: string): string => state.replaceAll(/[^a-z]/g, '_');
  return [
    'stateDiagram-v2',
    ...STATES.map((state) => `  state "${state.name}" as ${id(state.name)}`),
    `  [*] --> ${id(STATES[0].name)}`,
    ...MOVES.map((move) => `  ${id(move.from)} --> ${id(move.to)}: ${move.event}`),
    '',
  ].join('\n');
}

/** The table as JSON, for clients that draw buttons and pictures of their own. */
export function statesTable(): Readonly<Record<string, unknown>> {
  return { states: STATES, moves: MOVES, verbs: VERBS };
}

function lineSvg({ link, start, end }: Arrow): string {
  const kind = kindOf(link);
  const length = Math.hypot(end.x - start.x, end.y - start.y);
  const along = { x: (end.x - start.x) / length, y: (end.y - start.y) / length };
  const foot = { x: end.x - along.x * ARROW_HEAD, y: end.y - along.y * ARROW_HEAD };
  const wing = { x: -along.y * (ARROW_HEAD / 2), y: along.x * (ARROW_HEAD / 2) };
  const head = [end, { x: foot.x + wing.x, y: foot.y + wing.y }, { x: foot.x - wing.x, y: foot.y - wing.y }];
  return `  <path class="line ${kind}" d="M${at(start)} L${at(foot)}"/><polygon class="head ${kind}" points="${head.map(at).join(' ')}"/>`;
}

function boxSvg(box: Box, current: ProvisionState | undefined): string {
  const { state, notes } = box;
  const middle = number(box.x + box.width / 2);
  const marked = state.name === current ? ' current' : '';
  return [
    `  <g><rect class="box ${state.kind} ${state.tone}${marked}" x="${number(box.x)}" y="${number(box.y)}" width="${box.width}" height="${box.height}" rx="7"/>`,
    `<text class="name" text-anchor="middle" x="${middle}" y="${number(box.y + 20)}">${state.name}</text>`,
    ...notes.map(
      (link, index) =>
        `<text class="note" text-anchor="middle" x="${middle}" y="${number(box.y + 35 + index * NOTE_HEIGHT)}">${events(link)} → ${link.to}</text>`,
    ),
    '</g>',
  ].join('');
}

function labelSvg({ link, label }: Arrow): string {
  const middle = number(label.x + label.width / 2);
  return [
    `  <rect class="halo" x="${number(label.x)}" y="${number(label.y)}" width="${label.width}" height="${label.height}" rx="3"/>`,
    `<text text-anchor="middle" x="${middle}" y="${number(label.y + 10)}">${events(link)}</text>`,
  ].join('');
}

function events(link: Link): string {
  return link.moves.map((move) => (isPulledByUser(move) ? `<tspan class="pull">${move.event}</tspan>` : move.event)).join(' / ');
}

function legendSvg(layout: Layout): string {
  const y = layout.height + 12;
  const entries: readonly (readonly [kind: string, text: string])[] = [
    ['user', 'a user may ask for it (blue word)'],
    ['', 'the system does it'],
    ['failing', 'failure, time-out or abort'],
  ];
  const lines = entries.map(([kind, text], index) => {
    const x = 24 + index * 250;
    return `  <path class="line ${kind}" d="M${x},${y} h34"/><polygon class="head ${kind}" points="${x + 41},${y} ${x + 34},${y - 3.5} ${x + 34},${y + 3.5}"/><text x="${x + 48}" y="${y + 4}">${text}</text>`;
  });
  const note =
    'Thick border: stays until asked. Dashed border: waits for the machine or for a person. A move written in a box leads to a state far away.';
  return [...lines, `  <text x="24" y="${y + 26}">${note}</text>`].join('\n');
}

function kindOf(link: Link): 'user' | 'failing' | '' {
  if (link.moves.some((move) => move.event === 'fail')) return 'failing';
  return link.moves.some(isPulledByUser) ? 'user' : '';
}

function isPulledByUser(move: Move): boolean {
  return move.who.includes('user');
}

function at(point: Point): string {
  return `${number(point.x)},${number(point.y)}`;
}

function number(value: number): string {
  return String(Math.round(value * 10) / 10);
}
